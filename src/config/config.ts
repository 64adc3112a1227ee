import type { ChannelId } from '../contract/ids.ts'
import type { ChannelSpec } from '../contract/spec.ts'
import type { LogLevel } from './schema.ts'

export interface ListenAddress {
  /** A name or address, IPv6 without brackets. */
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
}

/** What a process runs with. Frozen, validated, complete; the only thing the composition root reads. */
export interface Config {
  readonly channelId: ChannelId
  readonly channel: ChannelSpec
  readonly listen: ListenAddress
  /** Secret: demanded for everything that changes state, except on loopback. */
  readonly token?: string
  /** What must never be shown, the token included: as known at the start. */
  readonly secrets: readonly string[]
  readonly ffmpeg?: string
  readonly stateDir?: string
  readonly logLevel: LogLevel
  readonly json: boolean
}
