import { readFileSync } from 'node:fs'
import { publicCommandLine } from './cli/process-title.ts'

/** Limit of the delay that open handles (an idle connection, a pipe) may cause at the end. */
const MAX_LINGER_MS = 1_000

const version = (): string => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}

// First of all: until then the process list shows the typed command line, keys included.
process.title = publicCommandLine(process.argv.slice(2))
const { processIo } = await import('./cli/process-io.ts')
const { runCli } = await import('./cli/program.ts')

// Loaded when needed: `sluice --help` and `sluice take` start without the media plane.
process.exitCode = await runCli(process.argv.slice(2), {
  io: processIo(),
  version: version(),
  startApp: async () => (await import('./app.ts')).startApp,
  startAnalysis: async () => (await import('./cli/ts-analysis.ts')).startAnalysis,
  probeUrl: async () => (await import('./cli/ffmpeg-probe.ts')).probeUrl,
})
setTimeout(() => process.exit(), MAX_LINGER_MS).unref()
