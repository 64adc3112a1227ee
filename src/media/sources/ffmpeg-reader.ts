import { TsDemuxer, type DemuxOptions } from '../../mpegts/demuxer.ts'
import type { ProcessHost } from '../../process/host.ts'
import { spawnChild, type Child, type ExitFacts } from '../../process/spawn.ts'
import type {
  ReaderEnd,
  ReaderFigures,
  Silence,
  SourceFeed,
  SourceReader,
} from './source-reader.ts'

/** A program that writes a transport stream to its stdout: what to run, and what its end means. */
export interface PipeInput {
  readonly kind: string
  readonly command: string
  readonly args: readonly string[]
  readonly live: boolean
  readonly silence: Silence
  /** In a few words, without secrets. */
  readonly purpose: string
  /** Finite inputs: begin again at the end. */
  readonly atEnd: 'stop' | 'again'
  readonly onStderrLine: (line: string) => void
  /** A sentence for a person. */
  readonly explain: (facts: ExitFacts) => { readonly reason: string; readonly permanent: boolean }
}

export interface FfmpegReaderParts {
  readonly host: ProcessHost
  readonly input: PipeInput
  readonly demux: DemuxOptions
}

/**
 * Reads a transport stream from a process's pipe. A live one is drained as fast as it comes; a finite one is read when
 * there is room, so that the process is held back by its full pipe.
 *
 * A looped file is one process per round. FFmpeg's own -stream_loop is not used: measured with `copy`, it leaves a hole
 * or an overlap at each joint (video and audio differ in length), loses a picture of a transport stream, and squeezes
 * overlapping audio frames to one tick. A new round is announced as a restart, and the switch joins it as a splice.
 */
export class FfmpegReader implements SourceReader {
  readonly kind: string
  readonly live: boolean
  readonly silence: Silence
  readonly #parts: FfmpegReaderParts
  #bytes = 0
  #packets = 0
  #pid: number | undefined

  constructor(parts: FfmpegReaderParts) {
    this.#parts = parts
    this.kind = parts.input.kind
    this.live = parts.input.live
    this.silence = parts.input.silence
  }

  async run(feed: SourceFeed, signal: AbortSignal): Promise<ReaderEnd> {
    for (;;) {
      const { end, packets } = await this.#round(feed, signal)
      const again = this.#parts.input.atEnd === 'again' && !this.live
      if (!again || end.kind !== 'ended' || packets === 0) return end
      feed.restarted?.()
    }
  }

  /** Upstream loss is hidden by the remuxer in between: not measurable. */
  figures(): ReaderFigures {
    return {
      bytes: this.#bytes,
      packets: this.#packets,
      continuityErrors: null,
      lostPackets: null,
      ...(this.#pid === undefined ? {} : { pid: this.#pid }),
    }
  }

  async #round(
    feed: SourceFeed,
    signal: AbortSignal,
  ): Promise<{ readonly end: ReaderEnd; readonly packets: number }> {
    const { host, input, demux } = this.#parts
    const child = spawnChild(
      host,
      {
        command: input.command,
        args: input.args,
        stdin: 'none',
        purpose: input.purpose,
        onStderrLine: input.onStderrLine,
        // A finite input is held back by its reader: more than the smallest queue would only be a longer way.
        ...(input.live ? {} : { stdoutLimit: 0 }),
      },
      signal,
    )
    this.#pid = child.pid
    const demuxer = new TsDemuxer(feed, demux)
    const before = this.#packets
    await this.#drain({ child, demuxer, feed, signal })
    const facts = await child.ended
    this.#pid = undefined
    // A killed process leaves half a picture behind; one that ended by itself has written its last one whole.
    if (facts.cause.kind === 'exited' && facts.cause.code === 0) demuxer.flush()
    return { end: this.#endOf(facts, signal), packets: this.#packets - before }
  }

  async #drain(flow: {
    readonly child: Child
    readonly demuxer: TsDemuxer
    readonly feed: SourceFeed
    readonly signal: AbortSignal
  }): Promise<void> {
    const { child, demuxer, feed, signal } = flow
    const { counters } = demuxer
    const packetsBefore = this.#packets
    for await (const chunk of child.stdout) {
      this.#bytes += chunk.byteLength
      demuxer.push(chunk)
      this.#packets = packetsBefore + counters.packets
      if (this.live) continue
      const room = feed.room()
      if (room !== undefined) await roomOrAbort(room, signal)
    }
  }

  #endOf(facts: ExitFacts, signal: AbortSignal): ReaderEnd {
    if (signal.aborted && facts.cause.kind === 'stopped') return { kind: 'aborted' }
    const { reason, permanent } = this.#parts.input.explain(facts)
    return facts.cause.kind === 'exited' && facts.cause.code === 0
      ? { kind: 'ended', reason }
      : { kind: 'failed', reason, permanent }
  }
}

const roomOrAbort = (room: Promise<void>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
    void room.then(done)
  })
