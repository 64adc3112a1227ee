import { redactor } from '../lib/redact.ts'
import type { ProcessHost } from '../process/host.ts'
import { spawnChild, type Child, type ExitFacts } from '../process/spawn.ts'
import type { Termination } from '../process/termination.ts'
import { exitReason, FirstCause, type ExitReason } from './exit-reason.ts'
import { classifyLine, StderrCounts, type StderrLine } from './stderr-lines.ts'

export interface FfmpegRun {
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly args: readonly string[]
  readonly stdin: 'none' | 'pipe'
  readonly purpose: string
  readonly secrets: readonly string[]
  /** Redacted; at most 20 a second, floods summed. */
  readonly onLine: (line: StderrLine) => void
  readonly stdoutLimit?: number
  readonly terminate?: Termination
  /** For processes that may run late on a busy machine; see `ChildSpec`. */
  readonly niceness?: number
}

export interface FfmpegEnd extends ExitReason {
  readonly facts: ExitFacts
}

export interface FfmpegProcess extends Pick<Child, 'pid' | 'stdout' | 'stdin'> {
  /** Every line counts, also those of a flood. */
  readonly counts: StderrCounts
  /** Media arrives: earlier errors are not the cause of a later end. */
  markPlaying(): void
  /** Never rejects; resolves when all of it is gone. */
  readonly ended: Promise<FfmpegEnd>
}

/** Starts ffmpeg; stops it (TERM, TERM, KILL) when the signal is aborted. Its output is redacted. */
export const startFfmpeg = (
  host: ProcessHost,
  run: FfmpegRun,
  signal: AbortSignal,
): FfmpegProcess => {
  const redact = redactor(run.secrets)
  const counts = new StderrCounts()
  const first = new FirstCause()
  const child = spawnChild(
    host,
    {
      command: run.ffmpeg,
      args: run.args,
      stdin: run.stdin,
      purpose: run.purpose,
      onStderrLine: (line) => run.onLine(classifyLine(redact(line))),
      onEveryStderrLine: (line) => {
        const classified = classifyLine(line)
        counts.addLine(classified)
        first.addLine(classified)
      },
      ...(run.stdoutLimit === undefined ? {} : { stdoutLimit: run.stdoutLimit }),
      ...(run.terminate === undefined ? {} : { terminate: run.terminate }),
      ...(run.niceness === undefined ? {} : { niceness: run.niceness }),
    },
    signal,
  )
  const ended = child.ended.then((facts): FfmpegEnd => {
    const { line } = first
    const clean = line === undefined ? undefined : { ...line, text: redact(line.text) }
    const reason = exitReason(facts, clean)
    return { ...reason, sentence: redact(reason.sentence), facts }
  })
  return {
    pid: child.pid,
    stdout: child.stdout,
    stdin: child.stdin,
    counts,
    markPlaying: () => first.clear(),
    ended,
  }
}
