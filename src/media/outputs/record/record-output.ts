import type { IncomingMessage, ServerResponse } from 'node:http'
import { SluiceError } from '../../../contract/errors.ts'
import type { VideoFormat } from '../../../contract/format.ts'
import type { OutputSpec } from '../../../contract/output-spec.ts'
import type { MediaPath } from '../../../contract/paths.ts'
import type { OutputStatus, RecordingStatus } from '../../../contract/status.ts'
import { millis } from '../../../contract/time.ts'
import { messageOf } from '../../../lib/error-message.ts'
import { keepRunning, type AttemptContext, type AttemptEnd } from '../../../lib/keep-running.ts'
import { OutputCondition } from '../interface/output-condition.ts'
import type { OutputKind, OutputParts } from '../interface/output-kind.ts'
import type { Output } from '../interface/output.ts'
import { RateMeter } from '../../../lib/rate-meter.ts'
import { Mp4RecordingInput, mp4Refusal } from './mp4-recording-input.ts'
import type { RecordingInput } from './recording-chunk.ts'
import { parseRecordTarget, type RecordTarget } from './record-target.ts'
import { DiskFullError, freeBytes, megabytesOf, MEGABYTE, Recorder } from './recorder.ts'
import { isDiskFull, RecordingFolder } from './recording-folder.ts'
import { RecordingList } from './recording-list.ts'
import { TakeMarks } from './take-marks.ts'
import { TsRecordingInput } from './ts-recording-input.ts'

export type RecordParts = Pick<
  OutputParts,
  'program' | 'clock' | 'wallTime' | 'random' | 'alert' | 'warn'
>

const MAX_LAG_MS = millis(5_000)
const RETRY_BACKOFF = { firstMs: 2_000, maxMs: 5_000, factor: 1.5, jitter: 0.2 }
/** Recording resumes at this share above the floor, so that it does not stop again at once. */
const RESUME_FREE_SHARE = 0.25
const MIN_RESUME_FREE_BYTES = 2 * MEGABYTE
/** Recorded this long, the fault is over: the next one is reported as new. */
const RECOVERED_MS = 10_000
const RETRY = { backoff: RETRY_BACKOFF, healthyMs: RECOVERED_MS }

type StorageFault = 'disk_full' | 'storage'

/** The program as files in a folder. A disk fault stops only the recording, until it is corrected. */
export class RecordOutput implements Output {
  readonly id: OutputSpec['id']
  readonly kind = 'record'
  readonly #url: string
  readonly #target: RecordTarget
  readonly #parts: RecordParts
  readonly #folder: RecordingFolder
  readonly #recordingList: RecordingList
  readonly #meter: RateMeter
  readonly #condition = new OutputCondition()
  #input: RecordingInput | undefined
  #recorder: Recorder | undefined
  #closedSkips = 0
  #fault: StorageFault | undefined
  #recordingSince: number | undefined
  #freeMb: number | undefined

  /** Throws SluiceError for an address that cannot be recorded to. */
  constructor(spec: OutputSpec, parts: RecordParts) {
    this.id = spec.id
    this.#url = spec.url
    this.#parts = parts
    this.#target = parseRecordTarget(spec)
    this.#folder = new RecordingFolder(this.#target.folder)
    this.#recordingList = new RecordingList(spec.id, this.#folder)
    this.#meter = new RateMeter(parts.clock.now())
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, program, alert } = this.#parts
    const { video, audio } = program.frames.tracks
    const isMp4 = this.#target.spec.format === 'mp4'
    const refusal = isMp4 ? mp4Refusal([video?.codec, audio?.codec]) : undefined
    if (refusal !== undefined) {
      this.#condition.follow({ kind: 'failed', reason: refusal })
      alert('refused', refusal)
      return
    }
    const onState = this.#condition.follow
    await keepRunning(
      (attempt) => this.#attempt(attempt),
      { ...RETRY, clock, random, onState },
      signal,
    )
    await this.#folder.close().catch(this.#condition.countError)
  }

  status(): OutputStatus {
    const { bytes, count } = this.#folder
    const currentFile = this.#recorder?.current
    return {
      id: this.id,
      kind: this.kind,
      url: this.#url,
      ...this.#condition.status(),
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(this.#parts.clock.now()),
      lagMs: Math.round(this.#input?.lag ?? 0),
      skips: this.#closedSkips + (this.#input?.skips ?? 0),
      reconnects: 0,
      details: {
        files: count,
        recordedBytes: bytes,
        ...(currentFile !== undefined && { currentFile }),
        ...(this.#freeMb !== undefined && { freeMb: this.#freeMb }),
      },
    }
  }

  serve(request: IncomingMessage, response: ServerResponse, path: MediaPath): boolean {
    return this.#recordingList.serve(request, response, path)
  }

  recordings(): readonly RecordingStatus[] {
    return this.#folder.recordings.map(({ number: _number, format: _format, ...recording }) => ({
      output: this.id,
      ...recording,
    }))
  }

  async deleteRecording(name: string): Promise<boolean> {
    if (this.#folder.find(name)?.state !== 'finished') return false
    await this.#folder.remove(name)
    return true
  }

  formatRefusal(video: VideoFormat): string | undefined {
    if (this.#target.spec.format !== 'mp4') return undefined
    return mp4Refusal([video.codec])
  }

  async #attempt({ signal, onRunning }: AttemptContext): Promise<AttemptEnd> {
    try {
      await this.#record(signal, onRunning)
      return { kind: 'ended' }
    } catch (error) {
      return { kind: 'lost', reason: this.#reportFault(error) }
    }
  }

  async #record(signal: AbortSignal, onRunning: () => void): Promise<void> {
    const { clock, wallTime, program } = this.#parts
    await this.#folder.open()
    await this.#checkFreeSpace()
    const marks = new TakeMarks(program.frames, this.#condition.countError)
    const input = this.#createInput(marks)
    const recorder = new Recorder({
      spec: this.#target.spec,
      folder: this.#folder,
      input,
      clock,
      wallTime,
      onBytes: (bytes) => this.#meter.addBytes(bytes, clock.now()),
      onWritten: () => {
        onRunning()
        this.#forgetFault()
      },
      onFreeBytes: (bytes) => (this.#freeMb = megabytesOf(bytes)),
    })
    this.#input = input
    this.#recorder = recorder
    this.#recordingSince = undefined
    try {
      await recorder.run(signal)
    } finally {
      marks.close()
      this.#closedSkips += input.skips
      this.#input = undefined
      this.#recorder = undefined
    }
  }

  #createInput(marks: TakeMarks): RecordingInput {
    const { program } = this.#parts
    const { format, split } = this.#target.spec
    if (format === 'ts')
      return new TsRecordingInput({ program: program.ring, marks, split, lagLimit: MAX_LAG_MS })
    return new Mp4RecordingInput({
      frames: program.frames,
      marks,
      split,
      onFault: this.#condition.countError,
    })
  }

  /** After a full disk it resumes only with room for a while. */
  async #checkFreeSpace(): Promise<void> {
    const free = await freeBytes(this.#folder.path)
    this.#freeMb = megabytesOf(free)
    const floor = this.#target.spec.minFreeMb * MEGABYTE
    const room =
      this.#fault === 'disk_full' ? Math.max(MIN_RESUME_FREE_BYTES, floor * RESUME_FREE_SHARE) : 0
    if (free >= floor + room) return
    throw new DiskFullError(
      `${megabytesOf(free)} MB are free; it resumes at ${megabytesOf(floor + room)} MB`,
    )
  }

  #forgetFault(): void {
    const now = this.#parts.clock.now()
    this.#recordingSince ??= now
    if (now - this.#recordingSince >= RECOVERED_MS) this.#fault = undefined
  }

  /** Returns the sentence. */
  #reportFault(error: unknown): string {
    const { alert } = this.#parts
    const { folder } = this.#target
    const isFull = error instanceof DiskFullError || isDiskFull(error)
    const fault: StorageFault = isFull ? 'disk_full' : 'storage'
    const message = isFull
      ? `the disk of ${folder} is full: ${messageOf(error)}`
      : `${folder} cannot be recorded to: ${messageOf(error)}`
    if (this.#fault !== fault) alert(fault, message)
    this.#fault = fault
    return message
  }
}

export const RECORD_KIND: OutputKind = {
  grammar: 'record:folder',
  matchesUrl: (url) => /^record:/i.test(url),
  checkSpec: (spec, { channel }) => {
    const { spec: wanted } = parseRecordTarget(spec)
    if (wanted.format !== 'mp4') return
    const { video, audio } = channel.format ?? {}
    const refusal = mp4Refusal([video === 'none' ? undefined : video?.codec, audio?.codec])
    if (refusal === undefined) return
    throw new SluiceError('option_refused', `output ${spec.id}, record.format mp4: ${refusal}`)
  },
  createOutput: (spec, parts) => new RecordOutput(spec, parts),
}
