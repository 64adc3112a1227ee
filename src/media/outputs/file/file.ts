import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { SluiceError } from '../../../contract/errors.ts'
import type { OutputId } from '../../../contract/ids.ts'
import type { OutputStatus } from '../../../contract/status.ts'
import type { Millis } from '../../../contract/time.ts'
import type { Clock } from '../../../lib/clock.ts'
import { pause } from '../../../lib/clock.ts'
import { errorCode } from '../../../lib/error-code.ts'
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
  readonly stdout: Writable
  readonly lagLimit?: Millis
  readonly openFile?: (path: string, flags: string) => Promise<TsFile>
}

/** What it asks of a file; a FileHandle has it. */
export type TsFile = Pick<FileHandle, 'write' | 'truncate' | 'stat' | 'close'>

const TS_PACKET_BYTES = 188
const MAX_WRITE_BYTES = 256 * 1024
const MAX_LAG_MS = 5_000 as Millis
const RETRY_MS = 5_000

/**
 * `-`, a path, or `file:/path.ts`, with `?exists=overwrite` or `?exists=append` where a file may be there already.
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
 * The program as a TS file, or on standard output. It reads as fast as the disk takes it; what a slow or full disk
 * misses is skipped in the ring and counted, and the file goes on at a random access point, at a packet boundary.
 */
export class FileOutput implements Output {
  readonly id: OutputId
  readonly kind = 'file'
  readonly #options: FileOutputOptions
  readonly #target: FileTarget
  readonly #meter: RateMeter
  #state: OutputStatus['state'] = 'starting'
  #errors = 0
  #lastError: string | undefined
  #reader: ProgramReader | undefined
  #hasOpened = false

  constructor(options: FileOutputOptions) {
    this.#options = options
    this.#target = parseFileTarget(options.url)
    this.id = options.id
    this.#meter = new RateMeter(options.clock.now())
  }

  async run(signal: AbortSignal): Promise<void> {
    const { program, lagLimit = MAX_LAG_MS } = this.#options
    const reader = program.join({ joinAge: 0 as Millis, lagLimit })
    this.#reader = reader
    if (this.#target.path === '-') return this.#writeToStdout(reader, signal)
    let goOn = true
    while (goOn && !signal.aborted) {
      goOn = await this.#writeToFile(reader, signal)
      if (!goOn || signal.aborted) return
      this.#state = 'waiting'
      await pause(this.#options.clock, RETRY_MS, signal)
    }
  }

  status(): OutputStatus {
    return {
      id: this.id,
      kind: this.kind,
      url: this.#options.url,
      state: this.#state,
      bytes: this.#meter.total,
      bitrate: this.#meter.bitrate(this.#options.clock.now()),
      lagMs: Math.round(this.#reader?.lag ?? 0),
      skips: this.#reader?.skips ?? 0,
      errors: this.#errors,
      reconnects: 0,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
    }
  }

  /** True when it should be tried again. */
  async #writeToFile(reader: ProgramReader, signal: AbortSignal): Promise<boolean> {
    const { openFile = open } = this.#options
    const append = this.#hasOpened || this.#target.ifExists === 'append'
    let file: TsFile
    try {
      file = await openFile(
        this.#target.path,
        append ? 'a' : this.#target.ifExists === 'overwrite' ? 'w' : 'wx',
      )
    } catch (error) {
      this.#countError(error)
      const exists = errorCode(error) === 'EEXIST'
      if (exists)
        this.#lastError = `${this.#target.path} exists: name another file, or add ?exists=overwrite or ?exists=append`
      this.#state = exists ? 'failed' : 'waiting'
      return !exists
    }
    this.#hasOpened = true
    this.#state = 'running'
    try {
      return await this.#copyProgram(reader, signal, (bytes) => writeWhole(file, bytes))
    } catch (error) {
      this.#countError(error)
      return true
    } finally {
      await file.close().catch((error: unknown) => this.#countError(error))
    }
  }

  async #writeToStdout(reader: ProgramReader, signal: AbortSignal): Promise<void> {
    const { stdout } = this.#options
    // The reader of the pipe may leave at any time: that shows in the write, and must not be an uncaught error.
    const onError = (): void => {}
    stdout.on('error', onError)
    this.#state = 'running'
    try {
      await this.#copyProgram(reader, signal, (bytes) => writeToStream(stdout, bytes, signal))
    } catch (error) {
      this.#countError(error)
      this.#state = 'failed'
    }
    stdout.off('error', onError)
  }

  /** Until the end of the program or the abort. */
  async #copyProgram(
    reader: ProgramReader,
    signal: AbortSignal,
    write: (bytes: Uint8Array) => Promise<void>,
  ): Promise<boolean> {
    while (!signal.aborted) {
      const bytes = reader.read(MAX_WRITE_BYTES)
      if (bytes === undefined) {
        if (reader.ended) return false
        await untilAppended(this.#options.program, signal)
        continue
      }
      await write(bytes)
      this.#meter.addBytes(bytes.length, this.#options.clock.now())
    }
    return false
  }

  #countError(error: unknown): void {
    this.#errors++
    this.#lastError = error instanceof Error ? error.message : String(error)
  }
}

const untilAppended = (program: Program, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      unsubscribe()
      signal.removeEventListener('abort', go)
      resolve()
    }
    const unsubscribe = program.subscribe(go)
    signal.addEventListener('abort', go)
  })

/** A full disk takes a part: what is no whole packet is taken back, so that what follows later is aligned. */
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
    // A pipe that nobody reads never takes the bytes: the abort must not wait for it.
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
  createOutput: ({ id, url }, { program, clock, stdout }) =>
    new FileOutput({ id, url, program: program.ring, clock, stdout }),
}
