import type { Config } from '../config/config.ts'
import type { ChannelPort } from '../contract/channel-port.ts'

export interface RunningApp {
  readonly port: ChannelPort
  /** `http://127.0.0.1:8099`, with the port that was really bound. */
  readonly address: string
  /** Resolves when everything has ended, whoever asked for it; rejects with the fault that ended it. */
  readonly stopped: Promise<void>
  /** Idempotent. Resolves with `stopped`. */
  stop(): Promise<void>
}

export interface AppHooks {
  readonly version: string
  /** Where whole lines of the log go: to the screen, or below the live view. */
  readonly log: { write(line: string): void }
}

export type StartApp = (config: Config, hooks: AppHooks) => Promise<RunningApp>
