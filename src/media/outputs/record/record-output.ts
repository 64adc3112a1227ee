import type { IncomingMessage, ServerResponse } from 'node:http'
import { SluiceError } from '../../../contract/errors.ts'
import type { VideoFormat } from '../../../contract/format.ts'
import type { OutputSpec } from '../../../contract/output-spec.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import { millis } from '../../../contract/time.ts'
import { backoffDelay, type BackoffLimits } from '../../../lib/backoff.ts'
import { pause } from '../../../lib/clock.ts'
import { messageOf } from '../../../lib/error-message.ts'
import type { OutputKind, OutputParts } from '../interface/output-kind.ts'
import type { Output } from '../interface/output.ts'
import { RateMeter } from '../../../lib/rate-meter.ts'
import { Mp4Feed, notForMp4 } from './mp4-feed.ts'
import type { PieceFeed } from './piece.ts'
import { parseRecordTarget, type RecordTarget } from './record-target.ts'
import { DiskFull, freeBytes, mega, MEGABYTE, Recorder } from './recorder.ts'
import { isDiskFull, RecordingFolder } from './recording-folder.ts'
import { RecordingShelf } from './recording-shelf.ts'
import { TakeMarks } from './take-marks.ts'
import { TsFeed } from './ts-feed.ts'

export type RecordParts = Pick<
  OutputParts,
  'program' | 'clock' | 'wallTime' | 'random' | 'alert' | 'warn'
>

const LAG_LIMIT = millis(5_000)
const RETRY: BackoffLimits = { firstMs: 2_000, maxMs: 5_000, factor: 1.5, jitter: 0.2 }
/** Recording goes on when there is this much above the floor, so that it does not stop again at once. */
const ROOM_SHARE = 0.25
const ROOM_MIN = 2 * MEGABYTE
/** Recorded for this long, trouble is over: what comes then is told as new. */
const TROUBLE_OVER_MS = 10_000

type Trouble = 'disk_full' | 'storage'

/** The program as files in a folder. Trouble of the disk stops it until that is mended, and reaches nothing else. */
export class RecordOutput implements Output {
  readonly id: OutputSpec['id']
  readonly kind = 'record'
  readonly #url: string
  readonly #target: RecordTarget
  readonly #parts: RecordParts
  readonly #folder: RecordingFolder
  readonly #shelf: RecordingShelf
  readonly #meter: RateMeter
  #state: OutputStatus['state'] = 'starting'
  #feed: PieceFeed | undefined
  #recorder: Recorder | undefined
  #skipsOfGone = 0
  #errors = 0
  #lastError: string | undefined
  #trouble: Trouble | undefined
  #recordsSince: number | undefined
  #freeMb: number | undefined

  /** Throws SluiceError for an address that it cannot record to. */
  constructor(spec: OutputSpec, parts: RecordParts) {
    this.id = spec.id
    this.#url = spec.url
    this.#parts = parts
    this.#target = parseRecordTarget(spec)
    this.#folder = new RecordingFolder(this.#target.folder)
    this.#shelf = new RecordingShelf(spec.id, this.#folder)
    this.#meter = new RateMeter(parts.clock.now())
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, program, alert } = this.#parts
    const { video, audio } = program.frames.tracks
    const isMp4 = this.#target.spec.format === 'mp4'
    const refusal = isMp4 ? notForMp4([video?.codec, audio?.codec]) : undefined
    if (refusal !== undefined) {
      this.#failed(refusal)
      this.#state = 'failed'
      alert('refused', refusal)
      return
    }
    let attempt = 0
    while (!signal.aborted) {
      try {
        await this.#record(signal)
        break
      } catch (error) {
        attempt = this.#trouble === undefined ? 1 : attempt + 1
        this.#troubled(error)
      }
      await pause(clock, backoffDelay(attempt, RETRY, random), signal)
    }
    await this.#folder.close().catch((error: unknown) => this.#failed(messageOf(error)))
  }

  status(): OutputStatus {
    const { bytes, count } = this.#folder
    const currentFile = this.#recorder?.current
    return {
      id: this.id,
      kind: this.kind,
      url: this.#url,
      state: this.#state,
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(this.#parts.clock.now()),
      lagMs: Math.round(this.#feed?.lag ?? 0),
      skips: this.#skipsOfGone + (this.#feed?.skips ?? 0),
      errors: this.#errors,
      reconnects: 0,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
      details: {
        files: count,
        recordedBytes: bytes,
        ...(currentFile !== undefined && { currentFile }),
        ...(this.#freeMb !== undefined && { freeMb: this.#freeMb }),
      },
    }
  }

  serve(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    return this.#shelf.serve(request, response, path)
  }

  refuses(pictures: VideoFormat): string | undefined {
    if (this.#target.spec.format !== 'mp4') return undefined
    return notForMp4([pictures.codec])
  }

  async #record(signal: AbortSignal): Promise<void> {
    const { clock, wallTime, program } = this.#parts
    await this.#folder.open()
    await this.#lookForRoom()
    const marks = new TakeMarks(program.frames, (error) => this.#failed(messageOf(error)))
    const feed = this.#openFeed(marks)
    const recorder = new Recorder({
      spec: this.#target.spec,
      folder: this.#folder,
      feed,
      clock,
      wallTime,
      onBytes: (bytes) => this.#meter.add(bytes, clock.now()),
      onWritten: () => this.#written(),
      onFree: (bytes) => (this.#freeMb = mega(bytes)),
    })
    this.#feed = feed
    this.#recorder = recorder
    this.#recordsSince = undefined
    try {
      await recorder.run(signal)
    } finally {
      marks.close()
      this.#skipsOfGone += feed.skips
      this.#feed = undefined
      this.#recorder = undefined
    }
  }

  #openFeed(marks: TakeMarks): PieceFeed {
    const { program } = this.#parts
    const { format, split } = this.#target.spec
    if (format === 'ts')
      return new TsFeed({ program: program.ring, marks, split, lagLimit: LAG_LIMIT })
    return new Mp4Feed({
      frames: program.frames,
      marks,
      split,
      onFault: (error) => this.#failed(messageOf(error)),
    })
  }

  /** After a full disk it goes on only when there is room for a while. */
  async #lookForRoom(): Promise<void> {
    const free = await freeBytes(this.#folder.path)
    this.#freeMb = mega(free)
    const floor = this.#target.spec.minFreeMb * MEGABYTE
    const room = this.#trouble === 'disk_full' ? Math.max(ROOM_MIN, floor * ROOM_SHARE) : 0
    if (free >= floor + room) return
    throw new DiskFull(`${mega(free)} MB are free; it goes on from ${mega(floor + room)} MB`)
  }

  #written(): void {
    const now = this.#parts.clock.now()
    this.#recordsSince ??= now
    this.#state = 'running'
    if (now - this.#recordsSince >= TROUBLE_OVER_MS) this.#trouble = undefined
  }

  #troubled(error: unknown): void {
    const { alert } = this.#parts
    const { folder } = this.#target
    const isFull = error instanceof DiskFull || isDiskFull(error)
    const trouble: Trouble = isFull ? 'disk_full' : 'storage'
    const message = isFull
      ? `the disk of ${folder} is full: ${messageOf(error)}`
      : `${folder} cannot be recorded to: ${messageOf(error)}`
    this.#state = 'waiting'
    this.#failed(message)
    if (this.#trouble !== trouble) alert(trouble, message)
    this.#trouble = trouble
  }

  #failed(message: string): void {
    this.#errors++
    this.#lastError = message
  }
}

export const RECORD_KIND: OutputKind = {
  grammar: 'record:folder',
  claims: (url) => /^record:/i.test(url),
  check: (spec, { channel }) => {
    const { spec: wanted } = parseRecordTarget(spec)
    if (wanted.format !== 'mp4') return
    const { video, audio } = channel.format ?? {}
    const refusal = notForMp4([video === 'none' ? undefined : video?.codec, audio?.codec])
    if (refusal === undefined) return
    throw new SluiceError('option_refused', `output ${spec.id}, record.format mp4: ${refusal}`)
  },
  open: (spec, parts) => new RecordOutput(spec, parts),
}
