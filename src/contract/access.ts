import { z } from 'zod'

/**
 * Access policy of what media serves. Data only: media judges each request by it without asking control, and a newer
 * policy replaces the older one as a whole.
 */
export const MediaAccess = z.strictObject({
  /** `local`: players and pages of this machine; `public`: any client. */
  playback: z.enum(['local', 'public']),
  /** Hosts whose access was revoked: they are refused, and their open requests are closed. */
  revoked: z.array(z.string().min(1).max(64)).max(10_000),
})
export type MediaAccess = z.infer<typeof MediaAccess>
