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

/** A schema whose output bears our brand. Nothing is transformed, so that it serves for what goes in and out. */
export const branded = <Branded extends string | number>(
  schema: z.ZodType<BaseOf<Branded>, BaseOf<Branded>>,
): z.ZodType<Branded, BaseOf<Branded>> => schema as unknown as z.ZodType<Branded, BaseOf<Branded>>

/** What may become a new id. */
export const idText = z
  .string()
  .regex(ID_PATTERN, '1 to 64 letters, digits, "_", "." or "-", beginning with a letter or digit')

/** Ids in what goes out: they were judged when they came in. */
export const KnownChannel = branded<ChannelId>(z.string())
export const KnownBus = branded<BusId>(z.string())
/** A refusal also names a source that there is not. */
export const KnownSource = branded<SourceId>(z.string())
export const KnownOutput = branded<OutputId>(z.string())
export const KnownTicket = branded<Ticket>(z.number().int())
