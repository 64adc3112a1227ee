import { z } from 'zod'

/**
 * Who may fetch what media serves. Data only: media judges each request by it without asking control, and a newer policy
 * replaces the older one as a whole.
 */
export const MediaAccess = z.strictObject({
  /** `local`: players and pages of this machine; `public`: whoever can connect. */
  playback: z.enum(['local', 'public']),
  /** Addresses of hosts whose access was revoked: they are refused, and what they have open is closed. */
  revoked: z.array(z.string().min(1).max(64)).max(10_000),
})
export type MediaAccess = z.infer<typeof MediaAccess>
