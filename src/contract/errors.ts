import { z } from 'zod'

/** Stable codes: part of the interface, in exits, HTTP answers and events. */
export const ErrorCode = z.enum([
  'bad_request',
  'unknown_source',
  'unknown_output',
  'unknown_channel',
  'unknown_epoch',
  'version_mismatch',
  'stale_generation',
  'deadline_exceeded',
  'id_in_use',
  'unsupported_url',
  'option_refused',
  'address_in_use',
  'ffmpeg_missing',
  'ffmpeg_too_old',
  'file_missing',
  'not_media',
  'codec_not_carriable',
  'config_invalid',
  'unauthorized',
  'forbidden',
  'too_many_viewers',
  'not_reachable',
  'internal',
])
export type ErrorCode = z.infer<typeof ErrorCode>

/** Body of every HTTP error. */
export const ErrorBody = z
  .object({
    error: ErrorCode,
    message: z.string(),
    /** Path of the wrong field, `thresholds.stallMs`. */
    field: z.exactOptional(z.string()),
  })
  .readonly()
export type ErrorBody = z.infer<typeof ErrorBody>

/** A fault with a stable code and a sentence that names the field and the value. */
export class SluiceError extends Error {
  readonly code: ErrorCode
  /** Path of the wrong field, if any. */
  readonly field: string | undefined
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; field?: string }) {
    super(message, options)
    this.name = 'SluiceError'
    this.code = code
    this.field = options?.field
  }
}
