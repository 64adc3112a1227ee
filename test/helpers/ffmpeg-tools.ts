import { execFile, execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs ffmpeg to its end; throws with its stderr when it fails. */
export const ffmpeg = (...args: string[]): void => {
  execFileSync('ffmpeg', ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

export interface ProbedStream {
  readonly codec_name: string
  readonly codec_type: string
  readonly profile?: string
  readonly width?: number
  readonly height?: number
  readonly pix_fmt?: string
  readonly has_b_frames?: number
  readonly sample_aspect_ratio?: string
  readonly r_frame_rate?: string
  readonly sample_rate?: string
  readonly channels?: number
}

export interface ProbedPacket {
  readonly codec_type: string
  readonly pts: number
  readonly dts: number
  readonly flags: string
}

/** Streams and packets of a file, by ffprobe. */
export const ffprobe = async (
  file: string,
): Promise<{ streams: readonly ProbedStream[]; packets: readonly ProbedPacket[] }> => {
  const args = ['-loglevel', 'error', '-of', 'json', '-show_streams', '-show_packets', file]
  return JSON.parse((await run('ffprobe', args, { maxBuffer: 64 * 1024 * 1024 })).stdout)
}

/** Lines that ffmpeg prints while it decodes the whole file: empty when nothing is wrong. */
export const decoderErrors = (file: string): Promise<string> =>
  new Promise((resolve) => {
    const args = ['-nostdin', '-loglevel', 'warning', '-i', file, '-f', 'null', '-']
    execFile('ffmpeg', args, (error, _, stderr) => resolve(stderr || (error?.message ?? '')))
  })

/** A TCP port that was free a moment ago, for programs that cannot be given port 0. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
