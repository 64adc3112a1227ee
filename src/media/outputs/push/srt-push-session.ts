import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OutputId } from '../../../contract/ids.ts'
import type { Millis } from '../../../contract/time.ts'
import { FedProcess, type FedEnd } from '../../../ffmpeg/fed-process.ts'
import type { StderrLine } from '../../../ffmpeg/stderr-lines.ts'
import type { Clock } from '../../../lib/clock.ts'
import type { ProcessHost } from '../../../process/host.ts'
import type { Program, ProgramReader } from '../interface/output.ts'
import { MESSAGE_BYTES, srtAddress, type SrtTarget } from './srt-push-target.ts'

export interface SrtSessionParts {
  readonly id: OutputId
  readonly target: SrtTarget
  readonly secrets: SrtSecrets
  readonly program: Program
  readonly host: ProcessHost
  /** Path of ffmpeg. */
  readonly ffmpeg: string
  readonly clock: Clock
  /** Folder for options that must not be in a command line. */
  readonly folder: string
  readonly lagLimit: Millis
  readonly stallMs: number
  readonly onConnected: () => void
  readonly onBytes: (bytes: number) => void
  /** Redacted. */
  readonly onLine: (line: StderrLine) => void
}

export interface SrtSecrets {
  readonly passphrase: string | undefined
  readonly streamId: string | undefined
}

export interface SrtSessionEnd {
  readonly end: FedEnd
  readonly stalled: boolean
  /** The remote end has another passphrase. */
  readonly refused: boolean
}

const PUMP_INTERVAL_MS = 10
/**
 * One write: whole messages, and small enough that the pipe accepts all of it or nothing. Then each of FFmpeg's reads,
 * and so each message, ends at a packet.
 */
const MAX_WRITE_BYTES = 7 * MESSAGE_BYTES
const PACKET_BYTES = 188
/** A null packet: ISO/IEC 13818-1, 2.4.1 (PID 0x1FFF). */
const NULL_PACKET = [0x47, 0x1f, 0xff, 0x10]

/**
 * One connection: FFmpeg carries the bytes unparsed (as "data"), in messages of seven packets. It needs a first read
 * before it connects: that gets null packets, and the program follows from its next random access point when the
 * connection is up.
 */
export class SrtSession {
  readonly #parts: SrtSessionParts
  #reader: ProgramReader | undefined
  #lastProgressAt: number | undefined
  #stalled = false
  #refused = false

  constructor(parts: SrtSessionParts) {
    this.#parts = parts
  }

  get reader(): ProgramReader | undefined {
    return this.#reader
  }

  /** Until the connection is lost, stalls, or the signal is aborted. */
  async run(signal: AbortSignal): Promise<SrtSessionEnd> {
    const { ffmpeg, id, target, secrets, clock } = this.#parts
    const preset = await this.#writePreset()
    // FFmpeg reads it when it connects; without it the stream would be sent unencrypted.
    const removePreset = async (): Promise<void> => {
      if (preset !== undefined) await rm(preset, { force: true })
    }
    const child = new FedProcess(this.#parts, {
      ffmpeg,
      args: argumentsFor(target, preset),
      purpose: `push ${id}`,
      secrets: [secrets.passphrase, secrets.streamId].filter((each) => each !== undefined),
      onLine: (line) => this.#onStderrLine(line, removePreset),
    })
    const ended = child.run(() => {}, signal)
    child.stdin.write(nullMessage())
    const timer = clock.every(PUMP_INTERVAL_MS, () => this.#pump(child))
    const end = await ended
    timer.cancel()
    await removePreset()
    const refused = this.#refused && this.#reader === undefined
    return { end, stalled: this.#stalled, refused }
  }

  #onStderrLine(line: StderrLine, removePreset: () => Promise<void>): void {
    const { onLine, onConnected, program, lagLimit } = this.#parts
    if (line.text.startsWith('Output #0,') && this.#reader === undefined) {
      this.#reader = program.join({ joinAge: 'next', lagLimit })
      onConnected()
      // Retried at the end.
      removePreset().catch(() => {})
    }
    // Once connected, it is another caller that a listener refused.
    if (line.sign === 'unauthorized' && this.#reader === undefined) this.#refused = true
    if (line.level !== 'info' || line.sign !== 'other') onLine(line)
  }

  #pump(child: FedProcess): void {
    const { clock, onBytes, stallMs } = this.#parts
    const reader = this.#reader
    if (reader === undefined) return
    const now = clock.now()
    this.#lastProgressAt ??= now
    while (child.stdin.queuedBytes === 0) {
      this.#lastProgressAt = now
      const bytes = reader.read(MAX_WRITE_BYTES)
      if (bytes === undefined) return
      if (child.stdin.write(bytes) === 'closed') return
      onBytes(bytes.length)
    }
    if (now - this.#lastProgressAt < stallMs || this.#stalled) return
    this.#stalled = true
    child.stop()
  }

  /** Options in a file, which FFmpeg reads too: they are in no list of processes. */
  async #writePreset(): Promise<string | undefined> {
    const { secrets, folder, id } = this.#parts
    const { passphrase, streamId } = secrets
    if (passphrase === undefined && streamId === undefined) return undefined
    const path = join(folder, `${id}.srt-options`)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // One left by a killed run may have other rights.
    await rm(path, { force: true })
    const text =
      (passphrase === undefined ? '' : `passphrase=${passphrase}\n`) +
      (streamId === undefined ? '' : `streamid=${streamId}\n`)
    await writeFile(path, text, { mode: 0o600, flag: 'wx' })
    return path
  }
}

/**
 * Measured with FFmpeg 5.1: "data" passes every byte on within 1 ms; `blocksize` prevents reads that end inside a packet.
 * `Output #0`, logged at level info, shows that the connection is up.
 */
const argumentsFor = (target: SrtTarget, preset: string | undefined): string[] => [
  ...['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'repeat+level+info'],
  ...['-f', 'data', '-raw_packet_size', String(MESSAGE_BYTES), '-blocksize', String(MESSAGE_BYTES)],
  ...['-probesize', '32', '-analyzeduration', '0', '-i', 'pipe:0', '-map', '0', '-c', 'copy'],
  ...(preset === undefined ? [] : ['-fpre', preset]),
  ...['-f', 'data', srtAddress(target)],
]

const nullMessage = (): Uint8Array => {
  const bytes = new Uint8Array(MESSAGE_BYTES).fill(0xff)
  for (let at = 0; at < bytes.length; at += PACKET_BYTES) bytes.set(NULL_PACKET, at)
  return bytes
}
