import { Command, CommanderError } from 'commander'
import { SluiceError } from '../contract/errors.ts'
import { redactText } from '../lib/redact.ts'
import { analyzeStream, rulesOf, secondsOf, type StartAnalysis } from './analyze.ts'
import type { StartApp } from './app-port.ts'
import { afterOf, followEvents } from './events.ts'
import { EXIT, EXIT_CODES_HELP, type ExitCode, exitCodeOf } from './exit-code.ts'
import type { CliIo } from './io.ts'
import { type ProbeUrl, showProbe } from './probe.ts'
import { DEFAULT_URL, type Remote, remoteSluice } from './remote.ts'
import { runCommand, runOptionsOf } from './run-options.ts'
import { runChannel } from './run.ts'
import { showStatus } from './status.ts'
import { takeRemotely } from './take.ts'

/** Parts of the commands. A command loads its heavy parts when it runs. */
export interface CliParts {
  readonly io: CliIo
  readonly version: string
  readonly startApp: () => Promise<StartApp>
  readonly startAnalysis: () => Promise<StartAnalysis>
  readonly probeUrl: () => Promise<ProbeUrl>
}

interface RemoteFlags {
  readonly url?: string
  readonly token?: string
  readonly json?: boolean
}

/** Runs one command line (without `node` and the script) and returns the exit code. Never throws. */
export const runCli = async (args: readonly string[], parts: CliParts): Promise<ExitCode> => {
  let code: ExitCode = EXIT.ok
  const program = buildProgram(parts, (result) => {
    code = result
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    return reportError(error, parts.io)
  }
}

/** Expected errors are printed as a sentence; only a fault of Sluice itself with its stack. */
const reportError = (error: unknown, io: CliIo): ExitCode => {
  // Commander has printed its own message; help and version are not errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof SluiceError && error.code !== 'internal') {
    io.stderr.write(`${redactText(error.message).replaceAll(/^/gm, 'sluice: ')}\n`)
    return exitCodeOf(error.code)
  }
  const fault = error instanceof Error ? (error.stack ?? error.message) : String(error)
  io.stderr.write(`sluice: internal fault: ${redactText(fault)}\n`)
  return EXIT.fault
}

const formOf = (flags: { readonly json?: boolean }): 'plain' | 'json' =>
  flags.json ? 'json' : 'plain'

const buildProgram = (parts: CliParts, finish: (code: ExitCode) => void): Command => {
  const { io, version } = parts
  const program = new Command('sluice')
    .description(
      'Keeps a live stream on the air: many sources in, one program out that never breaks.',
    )
    .version(version, '-V, --version')
    .addHelpText('after', `\n${EXIT_CODES_HELP}\n${EXAMPLES}`)
  program.addCommand(
    runCommand().action(async (flags: Record<string, unknown>) => {
      const startApp: StartApp = async (config, hooks) => (await parts.startApp())(config, hooks)
      finish(await runChannel(runOptionsOf(flags), { io, version, startApp }))
    }),
  )
  addRemoteCommands(program, io, finish)
  addStreamCommands(program, parts, finish)
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureHelp({ helpWidth: Math.min(io.stdout.columns ?? 100, 100) })
    command.configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) =>
        write(`${text.replace(/^error: /, 'sluice: ').trimEnd()}\nsluice: see "sluice --help"\n`),
    })
  }
  return program
}

const addRemoteCommands = (program: Command, io: CliIo, finish: (code: ExitCode) => void): void => {
  const remote = (flags: RemoteFlags): Remote => {
    const token = flags.token ?? io.env['SLUICE_TOKEN']
    const url = flags.url ?? (io.env['SLUICE_URL'] || DEFAULT_URL)
    return remoteSluice({ url, fetch: io.fetch, ...(token ? { token } : {}) })
  }
  const add = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .option('--url <url>', `the running Sluice (or SLUICE_URL; default: ${DEFAULT_URL})`)
      .option('--token <token>', 'its token (or SLUICE_TOKEN)')
      .option('--json', 'as JSON')

  add('take', 'put a source on the air of a running Sluice')
    .argument('<source>', 'id of a source, or slate')
    .option('--mode <mode>', 'cutover, graceful or seamless (default: that of the channel)')
    .option('--bus <bus>', 'program or preview (default: program)')
    .option('--at <time>', 'when: 2026-01-31T20:15:00Z, or milliseconds since 1970')
    .action(
      async (source: string, flags: RemoteFlags & { mode?: string; bus?: string; at?: string }) => {
        const { mode, bus, at } = flags
        const given = { ...(mode && { mode }), ...(bus && { bus }), ...(at && { at }) }
        finish(await takeRemotely({ source, form: formOf(flags), ...given }, remote(flags), io))
      },
    )
  add('status', 'show the status of a running Sluice')
    .option('--watch', 'again every second')
    .action(async (flags: RemoteFlags & { watch?: boolean }) => {
      const repeat = flags.watch ? 'watch' : 'once'
      finish(await showStatus({ form: formOf(flags), repeat }, remote(flags), io))
    })
  add('events', 'follow the events of a running Sluice')
    .option('--after <id>', 'only events after this one (default: 0, all that are kept)')
    .action(async (flags: RemoteFlags & { after?: string }) => {
      const after = afterOf(flags.after)
      finish(await followEvents({ form: formOf(flags), after }, remote(flags), io))
    })
}

const addStreamCommands = (
  program: Command,
  parts: CliParts,
  finish: (code: ExitCode) => void,
): void => {
  const { io } = parts
  program
    .command('analyze')
    .description('check a transport stream: continuity, timestamps, PCR, tables')
    .argument('<input>', 'a file, http(s)://, udp://, or - for standard input')
    .option('--seconds <n>', 'stop after this long (Ctrl-C also ends with the report)')
    .option(
      '--rules <rules>',
      "standard (ETSI TR 101 290), or program: the stricter ones of Sluice's own program",
    )
    .option('--json', 'as JSON')
    .action(async (target: string, flags: { seconds?: string; rules?: string; json?: boolean }) => {
      const seconds = secondsOf(flags.seconds)
      const rules = rulesOf(flags.rules)
      const limit = seconds === undefined ? {} : { seconds }
      const start = await parts.startAnalysis()
      finish(await analyzeStream({ target, rules, form: formOf(flags), ...limit }, start, io))
    })
  program
    .command('probe')
    .description('show what FFmpeg finds at a URL')
    .argument('<url>', 'any URL or file that a source may have')
    .option('--ffmpeg <path>', 'the ffmpeg to use (or SLUICE_FFMPEG)')
    .option('--json', 'as JSON')
    .action(async (url: string, flags: { ffmpeg?: string; json?: boolean }) => {
      const ffmpeg = flags.ffmpeg ?? io.env['SLUICE_FFMPEG']
      const probe = await parts.probeUrl()
      finish(
        await showProbe({ url, form: formOf(flags), ...(ffmpeg ? { ffmpeg } : {}) }, probe, io),
      )
    })
}

const EXAMPLES = `
Examples:
  sluice run -s udp://127.0.0.1:5000 -s backup.mp4
  sluice take s1 --mode graceful
  sluice status --watch
  sluice analyze http://127.0.0.1:8099/stream.ts --seconds 10
  sluice run --help      all options, keys and typed commands`
