import { request as plainRequest, type RequestOptions } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { messageOf } from '../../../lib/error-message.ts'
import type { IcecastTarget } from './icecast-target.ts'
import { authorization, hostHeader, titlePath } from './source-request.ts'

const TIMEOUT_MS = 5_000
const MAX_ANSWER_CHARS = 4_096

/** Resolves with undefined, or the reason when the title was not set. */
export type SetTitle = (asked: {
  readonly target: IcecastTarget
  readonly password: string
  readonly title: string
  readonly signal: AbortSignal
}) => Promise<string | undefined>

/** Icecast's metadata interface, over a separate connection. */
export const setIcecastTitle: SetTitle = ({ target, password, title, signal }) =>
  new Promise((resolve) => {
    const options: RequestOptions = {
      host: target.host,
      port: target.port,
      path: titlePath(target, title),
      headers: { Host: hostHeader(target), Authorization: authorization(target, password) },
      agent: false,
      timeout: TIMEOUT_MS,
      signal,
    }
    const request = (target.transport === 'tls' ? tlsRequest : plainRequest)(options)
    request.on('error', (error) => resolve(messageOf(error)))
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    request.on('response', (response) => {
      let text = ''
      response.on('error', (error) => resolve(messageOf(error)))
      response.on('data', (chunk: Buffer) => {
        if (text.length < MAX_ANSWER_CHARS) text += chunk.toString('utf8')
      })
      response.on('end', () => resolve(problemOf(response.statusCode ?? 0, text)))
    })
    request.end()
  })

/** Icecast answers 200 also for a failure; `<return>` has the result. */
const problemOf = (status: number, text: string): string | undefined => {
  if (status === 200 && !/<return>0<\/return>/.test(text)) return undefined
  const said = /<message>([^<]*)<\/message>/.exec(text)?.[1] ?? ''
  return `${status} ${said}`.trim()
}

export interface TitleUpdatesParts {
  readonly set: (title: string) => Promise<string | undefined>
  readonly onProblem: (why: string) => void
}

/** Sets a mount's title: one request at a time, the newest title wins, none is sent twice. */
export class TitleUpdates {
  readonly #parts: TitleUpdatesParts
  #wanted: string | undefined
  /** Undefined: not set at the mount, as after a new connection. */
  #lastTitle: string | undefined
  #mountNumber = 0
  #sending: Promise<void> | undefined
  #errors = 0
  #count = 0

  constructor(parts: TitleUpdatesParts) {
    this.#parts = parts
  }

  requestTitle(title: string): void {
    this.#wanted = title
    this.#start()
  }

  /** For a new mount, which has no title. */
  restart(title: string): void {
    this.#lastTitle = undefined
    this.#mountNumber++
    this.requestTitle(title)
  }

  /** Last title that was set. */
  get lastTitle(): string | undefined {
    return this.#lastTitle
  }

  /** Number of titles that were set. */
  get count(): number {
    return this.#count
  }

  get errors(): number {
    return this.#errors
  }

  /** Resolves when no request is pending. */
  async settled(): Promise<void> {
    await this.#sending
  }

  #start(): void {
    this.#sending ??= this.#sendTitles().finally(() => (this.#sending = undefined))
  }

  async #sendTitles(): Promise<void> {
    while (this.#wanted !== undefined && this.#wanted !== this.#lastTitle) {
      const [title, mount] = [this.#wanted, this.#mountNumber]
      const problem = await this.#parts.set(title)
      if (mount !== this.#mountNumber) continue
      if (problem === undefined) {
        this.#lastTitle = title
        this.#count++
      } else {
        this.#errors++
        this.#parts.onProblem(problem)
        // The next take or connection retries.
        if (this.#wanted === title) this.#wanted = undefined
      }
    }
  }
}
