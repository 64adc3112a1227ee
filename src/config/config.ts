import type { ChannelId } from '../contract/ids.ts'
import type { ChannelSpec } from '../contract/spec.ts'
import type { LogLevel } from './schema.ts'

export interface ListenAddress {
  /** A name or address, IPv6 without brackets. */
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
}

/** Configuration of a process: frozen, validated, complete; the only one that the composition root reads. */
export interface Config {
  readonly channelId: ChannelId
  readonly channel: ChannelSpec
  readonly listen: ListenAddress
  /** Secret: required for everything that changes state, except on loopback. */
  readonly token?: string
  /** Secrets found at the start, the token included; never shown. */
  readonly secrets: readonly string[]
  readonly ffmpeg?: string
  readonly stateDir?: string
  readonly logLevel: LogLevel
  readonly json: boolean
}
