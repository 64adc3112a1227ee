import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { SluiceError } from '../../../contract/errors.ts'
import type { OutputId } from '../../../contract/ids.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import type { Millis } from '../../../contract/time.ts'
import type { Clock } from '../../../lib/clock.ts'
import { untilCalled } from '../../../lib/clock.ts'
import { errorCode } from '../../../lib/error-code.ts'
import { messageOf } from '../../../lib/error-message.ts'
import { keepRunning, type AttemptContext, type AttemptEnd } from '../../../lib/keep-running.ts'
import { OutputCondition } from '../interface/output-condition.ts'
import type { OutputKind } from '../interface/output-kind.ts'
import type { Output, Program, ProgramReader } from '../interface/output.ts'
import { RateMeter } from '../../../lib/rate-meter.ts'

export interface FileTarget {
  /** `'-'`: standard output. */
  readonly path: string
  readonly ifExists: 'refuse' | 'overwrite' | 'append'
}

export interface FileOutputOptions {
  readonly id: OutputId
  readonly url: string
  readonly program: Program
  readonly clock: Clock
  readonly random: () => number
  readonly stdout: Writable
  readonly lagLimit?: Millis
  readonly openFile?: (path: string, flags: string) => Promise<TsFile>
}

/** File operations in use; satisfied by FileHandle. */
export type TsFile = Pick<FileHandle, 'write' | 'truncate' | 'stat' | 'close'>

const TS_PACKET_BYTES = 188
const MAX_WRITE_BYTES = 256 * 1024
const MAX_LAG_MS = 5_000 as Millis
const RETRY = {
  backoff: { firstMs: 5_000, maxMs: 5_000, factor: 1, jitter: 0 },
  healthyMs: 0,
}

/**
 * `-`, a path, or `file:/path.ts`, with `?exists=overwrite` or `?exists=append` for an existing file.
 * Throws SluiceError `unsupported_url` or `option_refused`.
 */
export const parseFileTarget = (url: string): FileTarget => {
  if (url === '-') return { path: '-', ifExists: 'append' }
  const at = url.lastIndexOf('?exists=')
  const text = at < 0 ? url : url.slice(0, at)
  const ifExists = at < 0 ? 'refuse' : url.slice(at + '?exists='.length)
  if (ifExists !== 'refuse' && ifExists !== 'overwrite' && ifExists !== 'append') {
    throw new SluiceError(
      'option_refused',
      `output ${JSON.stringify(url)}: exists=${ifExists} must be refuse, overwrite or append`,
    )
  }
  const path = text.startsWith('file:') ? pathOf(text) : text
  if (path === '' || path.includes('\0')) {
    throw new SluiceError('unsupported_url', `output ${JSON.stringify(url)} names no file`)
  }
  return { path, ifExists }
}

const pathOf = (url: string): string => {
  if (!url.startsWith('file://')) return url.slice('file:'.length)
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new SluiceError(
      'unsupported_url',
      `output ${JSON.stringify(url)} must be file:/path or a plain path`,
      { cause },
    )
  }
}

/**
 * The program as a TS file, or on standard output, written as fast as the disk accepts it. What a slow or full disk
 * misses is skipped in the ring and counted; the file continues at a random access point, at a packet boundary.
 */
export class FileOutput implements Output {
  readonly id: OutputId
  readonly kind = 'file'
  readonly #options: FileOutputOptions
  readonly #target: FileTarget
  readonly #meter: RateMeter
  readonly #condition = new OutputCondition()
  #reader: ProgramReader | undefined
  #hasOpened = false

  constructor(options: FileOutputOptions) {
    this.#options = options
    this.#target = parseFileTarget(options.url)
    this.id = options.id
    this.#meter = new RateMeter(options.clock.now())
  }

  async run(signal: AbortSignal): Promise<void> {
    const { program, clock, random, lagLimit = MAX_LAG_MS } = this.#options
    const reader = program.join({ joinAge: 0 as Millis, lagLimit })
    this.#reader = reader
    await keepRunning(
      (attempt) =>
        this.#target.path === '-'
          ? this.#writeToStdout(reader, attempt)
          : this.#writeToFile(reader, attempt),
      { ...RETRY, clock, random, onState: this.#condition.follow },
      signal,
    )
  }

  status(): OutputStatus {
    return {
      id: this.id,
      kind: this.kind,
      url: this.#options.url,
      ...this.#condition.status(),
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(this.#options.clock.now()),
      lagMs: Math.round(this.#reader?.lag ?? 0),
      skips: this.#reader?.skips ?? 0,
      reconnects: 0,
    }
  }

  async #writeToFile(
    reader: ProgramReader,
    { signal, onRunning }: AttemptContext,
  ): Promise<AttemptEnd> {
    const { openFile = open } = this.#options
    const append = this.#hasOpened || this.#target.ifExists === 'append'
    let file: TsFile
    try {
      file = await openFile(
        this.#target.path,
        append ? 'a' : this.#target.ifExists === 'overwrite' ? 'w' : 'wx',
      )
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      const reason = `${this.#target.path} exists: name another file, or add ?exists=overwrite or ?exists=append`
      return { kind: 'failed', reason }
    }
    this.#hasOpened = true
    onRunning()
    try {
      await this.#copyProgram(reader, signal, (bytes) => writeWhole(file, bytes))
      return { kind: 'ended' }
    } finally {
      await file.close().catch((error: unknown) => this.#condition.countError(error))
    }
  }

  async #writeToStdout(
    reader: ProgramReader,
    { signal, onRunning }: AttemptContext,
  ): Promise<AttemptEnd> {
    const { stdout } = this.#options
    // The reader of the pipe may leave at any time: the write reports it; it must not be an uncaught error.
    const onError = (): void => {}
    stdout.on('error', onError)
    onRunning()
    try {
      await this.#copyProgram(reader, signal, (bytes) => writeToStream(stdout, bytes, signal))
      return { kind: 'ended' }
    } catch (error) {
      return { kind: 'failed', reason: messageOf(error) }
    } finally {
      stdout.off('error', onError)
    }
  }

  /** Until the end of the program or the abort. */
  async #copyProgram(
    reader: ProgramReader,
    signal: AbortSignal,
    write: (bytes: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const { program } = this.#options
    while (!signal.aborted) {
      const bytes = reader.read(MAX_WRITE_BYTES)
      if (bytes === undefined) {
        if (reader.ended) return
        await untilCalled((onAppend) => program.subscribe(onAppend), signal)
        continue
      }
      await write(bytes)
      this.#meter.addBytes(bytes.length, this.#options.clock.now())
    }
  }
}

/** Removes an incomplete packet after a partial write to a full disk, so that later packets are aligned. */
const writeWhole = async (file: TsFile, bytes: Uint8Array): Promise<void> => {
  let written = 0
  try {
    while (written < bytes.length) {
      const { bytesWritten } = await file.write(bytes, written, bytes.length - written)
      written += bytesWritten
    }
  } catch (error) {
    const excess = written % TS_PACKET_BYTES
    if (excess > 0) await file.truncate((await file.stat()).size - excess)
    throw error
  }
}

const writeToStream = (stream: Writable, bytes: Uint8Array, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const end = (error?: Error | null): void => {
      signal.removeEventListener('abort', abandoned)
      if (error === null || error === undefined) resolve()
      else reject(error)
    }
    // A pipe without a reader never accepts the bytes: the abort must not wait for it.
    const abandoned = (): void => resolve()
    signal.addEventListener('abort', abandoned, { once: true })
    stream.write(bytes, end)
  })

export const FILE_KIND: OutputKind = {
  grammar: 'file:/path.ts, a path or -',
  matchesUrl: (url) => {
    const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(url)?.[1]
    return scheme === undefined || scheme.toLowerCase() === 'file'
  },
  checkSpec: ({ url }) => void parseFileTarget(url),
  createOutput: ({ id, url }, { program, clock, random, stdout }) =>
    new FileOutput({ id, url, program: program.ring, clock, random, stdout }),
}
