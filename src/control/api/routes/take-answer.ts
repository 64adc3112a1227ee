import { z } from 'zod'
import { type TakeAnswer, TakeDone, TakeRefusal, TakeRefused } from '../../../contract/commands.ts'

/** A refused take is an expected outcome: its body is the refusal itself, plus `error` as in every other answer. */
const RefusedTake = z.object({ error: TakeRefusal, ...TakeRefused.unwrap().shape })

/** By status. */
export const TAKE_ANSWERS = { 200: TakeDone, 404: RefusedTake, 409: RefusedTake }

export type TakeReply =
  | { readonly status: 200; readonly body: TakeDone }
  | { readonly status: 404 | 409; readonly body: z.infer<typeof RefusedTake> }

export const takeReply = (answer: TakeAnswer): TakeReply => {
  if (answer.ok) return { status: 200, body: answer }
  return {
    status: answer.why === 'unknown_source' ? 404 : 409,
    body: { error: answer.why, ...answer },
  }
}
