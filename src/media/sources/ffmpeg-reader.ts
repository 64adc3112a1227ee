import type { ExitReason } from '../../ffmpeg/exit-reason.ts'
import { startFfmpeg, type FfmpegProcess } from '../../ffmpeg/ffmpeg-process.ts'
import type { StderrCounts, StderrLine } from '../../ffmpeg/stderr-lines.ts'
import { untilCalled } from '../../lib/clock.ts'
import { TsDemuxer, type DemuxOptions, type ElementaryProgram } from '../../mpegts/demuxer.ts'
import type { ProcessHost } from '../../process/host.ts'
import type {
  ReaderEnd,
  ReaderFigures,
  SilencePolicy,
  SourceSink,
  SourceReader,
} from './source-reader.ts'

/** `again`: restart at once with other arguments; `refused`: a permanent failure, with this reason. */
export type Verdict = 'go_on' | 'again' | { readonly refused: string }

/** Process to run, and the meaning of its end. */
export interface FfmpegInput {
  readonly kind: string
  /** Called before each start: facts learnt of the source may have changed them. */
  readonly args: () => readonly string[]
  readonly secrets: readonly string[]
  /** Called once, before the first start. */
  readonly live: boolean | ((signal: AbortSignal) => Promise<boolean>)
  readonly silencePolicy: SilencePolicy
  /** A few words, without secrets. */
  readonly purpose: string
  /** Finite inputs: `again` restarts at the end. */
  readonly atEnd: 'stop' | 'again'
  /** True if the protocol reports loss. */
  readonly reportsLoss: boolean
  readonly judgeLine: (line: StderrLine) => Verdict
  readonly judgeProgram: (program: ElementaryProgram) => Verdict
  readonly onLine: (line: StderrLine) => void
}

export interface FfmpegReaderParts {
  readonly host: ProcessHost
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly input: FfmpegInput
  readonly demux: DemuxOptions
}

/** Causes that a retry with the same arguments and the same ffmpeg cannot remove. */
const PERMANENT: ReadonlySet<ExitReason['cause']> = new Set([
  'not_started',
  'option_unknown',
  'encoder_missing',
  'protocol_refused',
])

interface RunResult {
  readonly end: ReaderEnd
  readonly units: number
  readonly verdict: Verdict
}

/**
 * Reads a transport stream from ffmpeg's pipe. A live one is drained as fast as it comes; a finite one is read when there
 * is room, so that the full pipe holds the process back.
 *
 * A looped file is one process per round. FFmpeg's own -stream_loop is not used: measured with `copy`, it leaves a hole
 * or an overlap at each joint (video and audio differ in length), loses a picture of a transport stream, and squeezes
 * overlapping audio frames to one tick. A new round is announced as a restart, and the switch joins it as a splice.
 */
export class FfmpegReader implements SourceReader {
  readonly kind: string
  readonly silencePolicy: SilencePolicy
  readonly #parts: FfmpegReaderParts
  #live: boolean
  #bytes = 0
  #packets = 0
  #pid: number | undefined
  #counts: StderrCounts | undefined

  constructor(parts: FfmpegReaderParts) {
    this.#parts = parts
    this.kind = parts.input.kind
    this.silencePolicy = parts.input.silencePolicy
    this.#live = parts.input.live !== false
  }

  get live(): boolean {
    return this.#live
  }

  async run(sink: SourceSink, signal: AbortSignal): Promise<ReaderEnd> {
    const { live, atEnd } = this.#parts.input
    if (typeof live === 'function') this.#live = await live(signal)
    for (;;) {
      const { end, units, verdict } = await this.#runOnce(sink, signal)
      if (end.kind === 'aborted' || signal.aborted) return { kind: 'aborted' }
      if (typeof verdict === 'object') {
        return { kind: 'failed', reason: verdict.refused, permanent: true }
      }
      const looped = !this.#live && atEnd === 'again' && end.kind === 'ended'
      if (!looped && verdict !== 'again') return end
      if (units > 0) sink.restarted?.()
      // Without this a looped file without media would start processes without a pause.
      else if (looped) return { kind: 'failed', reason: 'it holds no media', permanent: false }
    }
  }

  /** Upstream continuity errors and, with most protocols, loss are hidden by the remuxer. */
  figures(): ReaderFigures {
    const { reportsLoss } = this.#parts.input
    const counted = this.#counts?.figures({ reportsLoss: reportsLoss })
    return {
      bytes: this.#bytes,
      packets: this.#packets,
      continuityErrors: measured(counted?.continuityErrors),
      lostPackets: measured(counted?.packetsLost),
      ...(this.#pid === undefined ? {} : { pid: this.#pid }),
    }
  }

  async #runOnce(sink: SourceSink, signal: AbortSignal): Promise<RunResult> {
    const { host, ffmpeg, input, demux } = this.#parts
    const judged = new AbortController()
    let units = 0
    let verdict: Verdict = 'go_on'
    const applyVerdict = (given: Verdict): void => {
      if (given === 'go_on') return
      verdict = given
      judged.abort()
    }
    const process = startFfmpeg(
      host,
      {
        ffmpeg,
        args: input.args(),
        stdin: 'none',
        purpose: input.purpose,
        secrets: input.secrets,
        onLine: (line) => {
          applyVerdict(input.judgeLine(line))
          input.onLine(line)
        },
        // A finite input is held back by its reader: a queue would only add delay.
        ...(this.#live ? {} : { stdoutLimit: 0 }),
      },
      AbortSignal.any([signal, judged.signal]),
    )
    this.#pid = process.pid
    this.#counts = process.counts
    const demuxer = new TsDemuxer(
      {
        program: (program) => {
          applyVerdict(input.judgeProgram(program))
          sink.program(program)
        },
        unit: (unit) => {
          units++
          sink.unit(unit)
        },
        format: (pid, format) => sink.format(pid, format),
        ...(sink.pcr === undefined ? {} : { pcr: (pcr27, pid) => sink.pcr?.(pcr27, pid) }),
      },
      demux,
    )
    await this.#drain({ process, demuxer, sink, signal })
    const { sentence, cause, facts } = await process.ended
    this.#pid = undefined
    const whole = facts.cause.kind === 'exited' && facts.cause.code === 0
    // A killed process leaves half a picture; one that ended by itself has written its last one whole.
    if (whole) demuxer.flush()
    const end: ReaderEnd =
      facts.cause.kind === 'stopped' && signal.aborted
        ? { kind: 'aborted' }
        : whole && cause === 'ended'
          ? { kind: 'ended', reason: sentence }
          : { kind: 'failed', reason: sentence, permanent: PERMANENT.has(cause) }
    return { end, units, verdict }
  }

  async #drain(flow: {
    readonly process: FfmpegProcess
    readonly demuxer: TsDemuxer
    readonly sink: SourceSink
    readonly signal: AbortSignal
  }): Promise<void> {
    const { process, demuxer, sink, signal } = flow
    const { counters } = demuxer
    const packetsBefore = this.#packets
    for await (const chunk of process.stdout) {
      if (counters.packets === 0) process.markPlaying()
      this.#bytes += chunk.byteLength
      demuxer.push(chunk)
      this.#packets = packetsBefore + counters.packets
      if (this.#live) continue
      const room = sink.room()
      if (room !== undefined) await untilSettled(room, signal)
    }
  }
}

const measured = (figure: number | 'not measurable' | undefined): number | null =>
  typeof figure === 'number' ? figure : null

const untilSettled = (promise: Promise<void>, signal: AbortSignal): Promise<void> =>
  untilCalled((call) => {
    void promise.then(call)
    return () => {}
  }, signal)
