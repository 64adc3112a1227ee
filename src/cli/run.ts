import { readFileSync } from 'node:fs'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/config.ts'
import type { Flags } from '../config/text-layer.ts'
import { PROGRAM } from '../contract/ids.ts'
import { shortPathOf } from '../contract/paths.ts'
import { redactor } from '../lib/redact.ts'
import type { RunningApp, StartApp } from './app-port.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import type { CliIo, TextOutput } from './io.ts'
import { openLineTerminal } from './line-terminal.ts'
import { type Terminal, openLiveTerminal } from './live-terminal.ts'

export interface RunOptions {
  readonly flags: Flags
  readonly file?: string
  /** `off`: lines even on a terminal. */
  readonly view: 'auto' | 'off'
}

export interface RunNeeds {
  readonly io: CliIo
  readonly version: string
  readonly startApp: StartApp
}

/** `sluice run`: until a signal, `q`, or a fault. Throws SluiceError for a wrong configuration or a failed start. */
export const runChannel = async (options: RunOptions, needs: RunNeeds): Promise<ExitCode> => {
  const { io, version, startApp } = needs
  const { config, warnings } = loadConfig({
    flags: options.flags,
    env: io.env,
    ...(options.file === undefined ? {} : { file: options.file }),
    readFile: (path) => readFileSync(path, 'utf8'),
  })
  for (const warning of warnings) io.stderr.write(`sluice: ${warning}\n`)

  const output = outputFor(config, io)
  // Without the live view, and before it starts, the log is written directly.
  let writeLog = (line: string): void => void output.write(line.endsWith('\n') ? line : `${line}\n`)
  const stopRequests = createStopRequests(io)
  try {
    const clean = redactor(config.secrets)
    const app = await startApp(config, {
      version,
      log: { write: (line) => writeLog(clean(line)) },
    })
    stopRequests.arm(app)
    const isLive = isLiveView(options, config, io)
    announce(app, config, output)
    const terminal = isLive
      ? openLiveTerminal(app, io, stopRequests.request)
      : openLineTerminal(app, {
          io,
          output,
          form: formOf(config),
          level: config.logLevel,
          onQuit: stopRequests.request,
        })
    if (isLive) writeLog = (line) => terminal.showLine(line.trimEnd())
    await untilEnded(app, terminal)
    if (isLive) announceEnd(output)
    return EXIT.ok
  } finally {
    stopRequests.release()
  }
}

const untilEnded = async (app: RunningApp, terminal: Terminal): Promise<void> => {
  try {
    await app.stopped
  } finally {
    terminal.close()
  }
}

const formOf = (config: Config): 'json' | 'plain' => (config.json ? 'json' : 'plain')

/** Standard error when standard output carries the program itself. */
const outputFor = (config: Config, io: CliIo): TextOutput =>
  config.channel.outputs.some(({ url }) => url === '-') ? io.stderr : io.stdout

const isLiveView = (options: RunOptions, config: Config, io: CliIo): boolean =>
  options.view === 'auto' &&
  !config.json &&
  !io.env['SLUICE_NO_TTY'] &&
  io.env['TERM'] !== 'dumb' &&
  io.stdin.isTTY === true &&
  io.stdout.isTTY === true &&
  outputFor(config, io) === io.stdout

const announce = ({ address }: RunningApp, config: Config, output: TextOutput): void => {
  const event = { type: 'listening', address }
  const line = config.json
    ? JSON.stringify({ at: Date.now(), event })
    : `Sluice is on the air: open ${address} (program: ${addresses(address, config).join(', ')})`
  output.write(`${line}\n`)
}

const addresses = (address: string, { channel }: Config): string[] => {
  const urls = channel.outputs.map(({ url }) => url.toLowerCase())
  return [
    address + shortPathOf({ kind: 'bus', bus: PROGRAM }),
    ...(urls.some((url) => url.startsWith('hls:')) ? [address + manifest('stream.m3u8')] : []),
    ...(urls.some((url) => url.startsWith('dash:')) ? [address + manifest('stream.mpd')] : []),
  ]
}

const manifest = (file: string): string => shortPathOf({ kind: 'packaged', output: 'live', file })

const announceEnd = (output: TextOutput): void => {
  output.write('Sluice has stopped\n')
}

interface StopRequests {
  /** From now on a request stops this app. An earlier request is carried out now. */
  arm(app: RunningApp): void
  request(): void
  release(): void
}

/** The first signal stops cleanly, the second at once. A hang-up is ignored: the program outlives the terminal. */
const createStopRequests = (io: CliIo): StopRequests => {
  let requests = 0
  let app: RunningApp | undefined
  const request = (): void => {
    requests++
    if (requests > 1) io.exitNow(EXIT.fault)
    // `stopped` has the result; this only requests the stop.
    else app?.stop().catch(() => undefined)
  }
  const release = io.onSignal((signal) => {
    if (signal !== 'SIGHUP') request()
  })
  return {
    arm: (started) => {
      app = started
      if (requests > 0) started.stop().catch(() => undefined)
    },
    request,
    release,
  }
}
