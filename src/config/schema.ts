import type { ChannelId } from '../contract/ids.ts'
import { z } from 'zod'
import { branded, idText } from '../contract/branded.ts'
import { ChannelSpec } from '../contract/spec.ts'

export const LogLevel = z.enum(['debug', 'info', 'warn', 'error'])
export type LogLevel = z.infer<typeof LogLevel>

/**
 * Everything that flags, environment and file can set: the channel's own schema, and the settings of the process.
 * Field names are those of the file.
 */
export const ConfigInput = ChannelSpec.extend({
  /** The channel's id: in events, figures and addresses. */
  channel: branded<ChannelId>(idText).prefault('main'),
  /** host:port, [ipv6]:port, or a port alone (then on loopback). Port 0 is any free port. */
  listen: z.string().max(300).default('127.0.0.1:8099'),
  token: z
    .string()
    .regex(/^[\x21-\x7e]{1,512}$/, '1 to 512 printable characters without spaces')
    .optional(),
  /** A file whose first line is the token. */
  tokenFile: z.string().min(1).max(4096).optional(),
  /** The ffmpeg executable; ffprobe is looked for beside it. Default: the one on PATH. */
  ffmpeg: z.string().min(1).max(4096).optional(),
  /** Folder of state that outlives the process (orphan records, the chosen format). */
  stateDir: z.string().min(1).max(4096).optional(),
  logLevel: LogLevel.default('info'),
  json: z.boolean().default(false),
})
export type ConfigInput = z.infer<typeof ConfigInput>
