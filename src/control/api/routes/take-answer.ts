import type { TakeAnswer, TakeRefusal } from '../../../contract/commands.ts'

/** A refused take is an expected outcome: its body is the refusal itself, plus `error` as in every other answer. */
export interface TakeReply {
  readonly status: 200 | 404 | 409
  readonly body: TakeAnswer & { readonly error?: TakeRefusal }
}

export const takeReply = (answer: TakeAnswer): TakeReply => {
  if (answer.ok) return { status: 200, body: answer }
  return {
    status: answer.why === 'unknown_source' ? 404 : 409,
    body: { error: answer.why, ...answer },
  }
}
