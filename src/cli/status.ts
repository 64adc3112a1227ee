import { EXIT, type ExitCode } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { liveView } from './live-view.ts'
import type { Remote } from './remote.ts'
import { openScreen, type Screen } from './screen.ts'
import { statusText } from './status-text.ts'
import { untilStopped } from './until-stopped.ts'

const WATCH_INTERVAL_MS = 1_000

export interface StatusFlags {
  readonly form: 'plain' | 'json'
  readonly repeat: 'once' | 'watch'
}

/** `sluice status`: once, or every second until it is stopped. */
export const showStatus = async (
  flags: StatusFlags,
  remote: Remote,
  io: CliIo,
): Promise<ExitCode> => {
  if (flags.repeat === 'once') {
    const status = await remote.status()
    const text =
      flags.form === 'json' ? JSON.stringify(status, null, 2) : statusText(status).join('\n')
    io.stdout.write(`${text}\n`)
    return EXIT.ok
  }
  const onScreen = flags.form === 'plain' && io.stdout.isTTY === true
  const screen = onScreen ? openScreen(io.stdout) : undefined
  try {
    await untilStopped(io, async (signal) => {
      while (!signal.aborted) {
        await showOnce(flags, remote, io, screen)
        await pauseInterval(signal)
      }
    })
    return EXIT.ok
  } finally {
    screen?.restore()
  }
}

const showOnce = async (
  { form }: StatusFlags,
  remote: Remote,
  io: CliIo,
  screen: Screen | undefined,
): Promise<void> => {
  const status = await remote.status()
  if (screen === undefined) {
    io.stdout.write(`${form === 'json' ? JSON.stringify(status) : statusText(status).join('\n')}\n`)
    return
  }
  screen.draw(
    liveView(status, {
      columns: Math.max(20, io.stdout.columns ?? 80),
      rows: Math.max(6, io.stdout.rows ?? 24),
      colour: io.env['NO_COLOR'] ? 'off' : 'on',
      address: remote.address,
      below: [],
      keep: 'first',
      prompt: ' Ctrl-C ends',
    }),
  )
}

const pauseInterval = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timeout)
      resolve()
    }
    const timeout = setTimeout(() => {
      signal.removeEventListener('abort', end)
      resolve()
    }, WATCH_INTERVAL_MS)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
