import { z } from 'zod'
import {
  type BusId,
  type ChannelId,
  ID_PATTERN,
  type OutputId,
  type SourceId,
  type Ticket,
} from './ids.ts'

type BaseOf<Branded> = Branded extends string ? string : number

/** A schema with a branded output. Nothing is transformed, so that it is valid for input and output. */
export const branded = <Branded extends string | number>(
  schema: z.ZodType<BaseOf<Branded>, BaseOf<Branded>>,
): z.ZodType<Branded, BaseOf<Branded>> => schema as unknown as z.ZodType<Branded, BaseOf<Branded>>

/** Text of a new id. */
export const idText = z
  .string()
  .regex(ID_PATTERN, '1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit')

/** Ids in output: they were checked on input. */
export const KnownChannel = branded<ChannelId>(z.string())
export const KnownBus = branded<BusId>(z.string())
/** A refusal also names a source that does not exist. */
export const KnownSource = branded<SourceId>(z.string())
export const KnownOutput = branded<OutputId>(z.string())
export const KnownTicket = branded<Ticket>(z.number().int())
