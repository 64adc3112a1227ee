import type { Config } from '../config/config.ts'
import type { ChannelPort } from '../contract/channel-port.ts'

export interface RunningApp {
  readonly port: ChannelPort
  /** `http://127.0.0.1:8099`, with the bound port. */
  readonly address: string
  /** Resolves when everything has ended; rejects with the fault that ended it. */
  readonly stopped: Promise<void>
  /** Idempotent. Resolves with `stopped`. */
  stop(): Promise<void>
}

export interface AppHooks {
  readonly version: string
  /** Destination of whole lines of the log: the screen, or below the live view. */
  readonly log: { write(line: string): void }
}

export type StartApp = (config: Config, hooks: AppHooks) => Promise<RunningApp>
