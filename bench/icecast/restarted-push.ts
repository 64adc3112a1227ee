import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** The way without a continuous program: for each take, the FFmpeg that feeds Icecast is replaced by another. */
export class RestartedPush {
  readonly #url: string
  readonly #tones: Readonly<Record<string, number>>
  #process: ChildProcess | undefined

  constructor(url: string, tones: Readonly<Record<string, number>>) {
    this.#url = url
    this.#tones = tones
  }

  async take(source: string): Promise<void> {
    await this.stop()
    const sound = ['-re', '-f', 'lavfi', '-i', `sine=f=${this.#tones[source]}:r=48000`, '-ac', '2']
    const coded = ['-c:a', 'libmp3lame', '-b:a', '128k', '-f', 'mp3']
    const output = ['-content_type', 'audio/mpeg', '-legacy_icecast', '0', this.#url]
    const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error']
    this.#process = spawn('ffmpeg', [...quiet, ...sound, ...coded, ...output], { stdio: 'ignore' })
  }

  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
}
