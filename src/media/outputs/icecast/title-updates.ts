import { request as plainRequest, type RequestOptions } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { messageOf } from '../../../lib/error-message.ts'
import type { IcecastTarget } from './icecast-target.ts'
import { authorization, hostHeader, titlePath } from './source-request.ts'

const TIMEOUT_MS = 5_000
const LONGEST_ANSWER = 4_096

/** Undefined when the title was set, else why not. */
export type SetTitle = (asked: {
  readonly target: IcecastTarget
  readonly password: string
  readonly title: string
  readonly signal: AbortSignal
}) => Promise<string | undefined>

/** Through Icecast's metadata interface, over a connection of its own. */
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
        if (text.length < LONGEST_ANSWER) text += chunk.toString('utf8')
      })
      response.on('end', () => resolve(problemOf(response.statusCode ?? 0, text)))
    })
    request.end()
  })

/** Icecast answers 200 also when it did nothing, and says so in `<return>`. */
const problemOf = (status: number, text: string): string | undefined => {
  if (status === 200 && !/<return>0<\/return>/.test(text)) return undefined
  const said = /<message>([^<]*)<\/message>/.exec(text)?.[1] ?? ''
  return `${status} ${said}`.trim()
}

export interface TitleUpdatesParts {
  readonly set: (title: string) => Promise<string | undefined>
  readonly onProblem: (why: string) => void
}

/** Tells a mount its title: one request at a time, the newest title wins, none is told twice. */
export class TitleUpdates {
  readonly #parts: TitleUpdatesParts
  #wanted: string | undefined
  /** Undefined: not known to the mount, as after a new connection. */
  #told: string | undefined
  #mount = 0
  #working: Promise<void> | undefined
  #errors = 0
  #count = 0

  constructor(parts: TitleUpdatesParts) {
    this.#parts = parts
  }

  want(title: string): void {
    this.#wanted = title
    this.#work()
  }

  /** The mount is a new one: it knows nothing. */
  again(title: string): void {
    this.#told = undefined
    this.#mount++
    this.want(title)
  }

  /** What was set last. */
  get told(): string | undefined {
    return this.#told
  }

  /** Titles that were set. */
  get count(): number {
    return this.#count
  }

  get errors(): number {
    return this.#errors
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#working
  }

  #work(): void {
    this.#working ??= this.#tell().finally(() => (this.#working = undefined))
  }

  async #tell(): Promise<void> {
    while (this.#wanted !== undefined && this.#wanted !== this.#told) {
      const [title, mount] = [this.#wanted, this.#mount]
      const problem = await this.#parts.set(title)
      if (mount !== this.#mount) continue
      if (problem === undefined) {
        this.#told = title
        this.#count++
      } else {
        this.#errors++
        this.#parts.onProblem(problem)
        // The next take, or the next connection, tries again.
        if (this.#wanted === title) this.#wanted = undefined
      }
    }
  }
}
