import { randomUUID } from 'node:crypto'
import { MEDIA_PROTOCOL } from './contract/media-port.ts'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { AppHooks, RunningApp } from './cli/app-port.ts'
import type { Config } from './config/config.ts'
import { accessPolicy, type AccessPolicy } from './control/api/access.ts'
import { buildApi } from './control/api/api.ts'
import { reserveAddress, type ReservedAddress } from './control/api/listen.ts'
import { buildLog } from './control/telemetry/log.ts'
import { buildMetrics } from './control/telemetry/metrics.ts'
import { ControlledChannel } from './control/channels/controlled-channel.ts'
import { MediaEvents } from './control/channels/media-events.ts'
import { findFfmpeg } from './ffmpeg/capabilities.ts'
import { realClock } from './lib/clock.ts'
import { Channel } from './media/channel/channel.ts'
import { Budgets, defaultBudgetLimits } from './media/host/budgets.ts'
import { openFormatStore } from './media/host/format-store.ts'
import { EVENT_LOG_LIMITS } from './media/host/event-log.ts'
import { MediaHost } from './media/host/media-host.ts'
import { realParts } from './media/host/real-parts.ts'
import { findStateFolder } from './media/host/state-folder.ts'
import { Ticker } from './media/host/ticker.ts'
import { allowHeapGrowth } from './media/host/heap-growth.ts'
import { processHost } from './process/host.ts'
import { defaultLedgerFolder, endOrphans, openLedger } from './process/ledger.ts'

export const startApp = async (config: Config, hooks: AppHooks): Promise<RunningApp> => {
  allowHeapGrowth()
  const access = accessPolicy(config.listen.host, config.token)
  const reserved = await reserveAddress(config.listen)
  try {
    return await start(config, hooks, { access, reserved })
  } catch (error) {
    reserved.release()
    throw error
  }
}

/** Builds each part once, starts them in order, and stops them in reverse order. */
const start = async (
  config: Config,
  hooks: AppHooks,
  { access, reserved }: { readonly access: AccessPolicy; readonly reserved: ReservedAddress },
): Promise<RunningApp> => {
  const log = buildLog({
    level: config.logLevel,
    form: config.json ? 'json' : 'plain',
    destination: hooks.log,
    secrets: config.secrets,
  })
  const folder =
    config.stateDir === undefined ? defaultLedgerFolder() : join(config.stateDir, 'children')
  for (const { pid, purpose } of await endOrphans(folder)) {
    log.warn({ pid, purpose }, 'ended a process that an earlier run left behind')
  }
  const ledger = openLedger(folder)
  const stop = new AbortController()
  try {
    const host = processHost(ledger)
    const paths = config.ffmpeg === undefined ? {} : { ffmpeg: config.ffmpeg }
    const ffmpeg = await findFfmpeg(host, paths, stop.signal)
    const formats = await openFormatStore(config.stateDir, (message) => log.warn(message))
    const ticker = new Ticker(realClock)
    const budgets = new Budgets({
      limits: defaultBudgetLimits(),
      clock: realClock,
      warn: (message) => log.warn(message),
    })
    let fault: { readonly error: unknown } | undefined
    const media = new MediaHost({
      epoch: randomUUID(),
      defaultChannel: config.channelId,
      access: { playback: access.kind === 'loopback' ? 'local' : 'public', revoked: [] },
      clock: realClock,
      wallTime: Date.now,
      limits: EVENT_LOG_LIMITS,
      createChannel: (id, channel, events) =>
        new Channel(
          channel,
          realParts({
            id,
            events,
            version: hooks.version,
            channel,
            host,
            ffmpeg,
            clock: realClock,
            ticker,
            budgets,
            stdout: process.stdout,
            stateFolder: config.stateDir ?? findStateFolder(defaultStateBase(), channel.name),
            env: process.env,
            formats,
            onLine: (about, { level, text }) => log[levelOf(level)]({ about }, text),
            warn: (about, message) => log.warn({ about }, message),
          }),
        ),
      onFault: (_channel, error) => {
        fault ??= { error }
        stop.abort()
      },
    })
    const events = new MediaEvents(media, (error) =>
      log.error({ err: error }, 'a reader of the events failed'),
    )
    const port = new ControlledChannel({
      id: config.channelId,
      spec: config.channel,
      media,
      events,
    })
    const { epoch } = await media.hello({ version: MEDIA_PROTOCOL })
    const metrics = buildMetrics({
      statuses: async () => [await port.status()],
      host: () => ({ ...budgets.status(), channels: ticker.timings() }),
    })
    const api = buildApi({ port, media, access, metrics, log, clock: realClock })
    const running = Promise.all([media.run(stop.signal), budgets.run(stop.signal)])
    const told = events.run(epoch, new AbortController().signal)
    await port.start()
    await reserved.serveApi(api)
    const untilStopped = async (): Promise<void> => {
      try {
        await running
        await told
        if (fault !== undefined) throw fault.error
      } finally {
        stop.abort()
        await api.close()
        metrics.close()
        ledger.close()
      }
    }
    const stopped = untilStopped()
    stopped.catch(() => undefined)
    return {
      port,
      address: reserved.url.replace(/\/$/, ''),
      stopped,
      stop: () => {
        stop.abort()
        return stopped
      },
    }
  } catch (error) {
    stop.abort()
    ledger.close()
    throw error
  }
}

const levelOf = (level: 'fatal' | 'error' | 'warning' | 'info'): 'warn' | 'info' | 'debug' =>
  level === 'fatal' || level === 'error' ? 'warn' : level === 'warning' ? 'info' : 'debug'

const defaultStateBase = (): string =>
  join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'sluice')
