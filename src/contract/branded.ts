import { z } from 'zod'
import type { Brand } from '../lib/brand.ts'
import { ID_PATTERN } from './ids.ts'

/** A schema of text whose output bears our brand. Nothing is transformed, so that it serves for what goes in and out. */
export const branded = <Name extends string>(
  schema: z.ZodType<string, string>,
): z.ZodType<Brand<string, Name>, string> => schema as z.ZodType<Brand<string, Name>, string>

/** What may become a new id. */
export const idText = z
  .string()
  .regex(ID_PATTERN, '1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit')
