import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const MAX_OUTPUT_BYTES = 64 << 20

export interface Fixture {
  readonly path: string
  readonly bytes: Uint8Array
}

/** The fields of ffprobe that tests compare with. */
export interface ProbedStream {
  readonly codec_name: string
  readonly profile?: string
  readonly level?: number
  readonly width?: number
  readonly height?: number
  readonly pix_fmt?: string
  readonly field_order?: string
  readonly r_frame_rate?: string
  readonly sample_rate?: string
  readonly channels?: number
  readonly has_b_frames?: number
}

export interface ProbedPacket {
  readonly size: string
  readonly flags: string
  readonly duration_time?: string
}

export interface Probed {
  readonly streams: readonly [ProbedStream]
  readonly packets: readonly ProbedPacket[]
}

/** Small media made by the installed ffmpeg, in a folder of its own: make in beforeAll, remove in afterAll. */
export class FfmpegFixtures {
  readonly #folder: Promise<string> = mkdtemp(join(tmpdir(), 'sluice-fixtures-'))
  readonly #probed = new Map<string, Promise<Probed>>()
  readonly #made = new Map<string, Promise<Fixture>>()

  /** Runs ffmpeg with `args` in front of an output file `x.<extension>`; equal calls share one file. */
  encode(args: readonly string[], extension: string): Promise<Fixture> {
    const key = JSON.stringify([args, extension])
    const known = this.#made.get(key)
    if (known !== undefined) return known
    const made = this.#encode(args, `${this.#made.size}.${extension}`)
    this.#made.set(key, made)
    return made
  }

  /** The only stream and its packets in file order, by ffprobe; run once per file. */
  probe(path: string): Promise<Probed> {
    const known = this.#probed.get(path)
    if (known !== undefined) return known
    const probed = ffprobe<Probed>(['-show_streams', '-show_packets', path])
    this.#probed.set(path, probed)
    return probed
  }

  async remove(): Promise<void> {
    await Promise.allSettled(this.#made.values())
    await rm(await this.#folder, { recursive: true, force: true })
  }

  async #encode(args: readonly string[], file: string): Promise<Fixture> {
    const path = join(await this.#folder, file)
    await run('ffmpeg', ['-hide_banner', '-nostdin', '-v', 'error', '-y', ...args, path])
    return { path, bytes: new Uint8Array(await readFile(path)) }
  }
}

async function ffprobe<Shape>(args: readonly string[]): Promise<Shape> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-of', 'json', ...args], {
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  return JSON.parse(stdout) as Shape
}

/** Decodes and returns the errors of ffmpeg's decoders; '' for a clean stream. */
export async function decoderErrors(path: string): Promise<string> {
  const args = ['-hide_banner', '-nostdin', '-v', 'error', '-i', path, '-f', 'null', '-']
  return (await run('ffmpeg', args)).stderr
}
