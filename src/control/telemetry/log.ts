import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino'
import { redactor } from '../../lib/redact.ts'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface LogOptions {
  readonly level: LogLevel
  /** `json`: one object per line, for collectors. `plain`: one readable line, for a terminal. */
  readonly form: 'json' | 'plain'
  readonly destination: DestinationStream
  /** Texts that must not appear anywhere: the token, stream keys. Likely secrets in URLs are removed too. */
  readonly secrets?: readonly string[]
}

/** The only log of the app. Whole lines are redacted when written, so that no field can be missed. */
export const buildLog = (options: LogOptions): Logger => {
  const clean = redactor(options.secrets ?? [])
  const render = options.form === 'json' ? (line: string) => line : plainLine
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.err },
    },
    { write: (line) => options.destination.write(clean(render(line))) },
  )
}

const plainLine = (line: string): string => {
  const { time, level, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`)
  const fault = err as { message?: string; stack?: string } | undefined
  const words = [String(time).slice(11, 23), String(level).toUpperCase().padEnd(5), msg ?? '']
  const head = [...words, ...facts].join(' ')
  return fault === undefined ? `${head}\n` : `${head}\n  ${fault.stack ?? fault.message}\n`
}

const fieldText = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
