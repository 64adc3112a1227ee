import { SluiceError } from '../../../contract/errors.ts'
import { IcecastSpec, type OutputSpec } from '../../../contract/output-spec.ts'
import { bitrateProblem } from '../audio/coded-audio.ts'
import type { OutputContext, OutputKind } from '../interface/output-kind.ts'
import { checkReference } from '../interface/secret-reference.ts'
import { IcecastSource } from './icecast-source.ts'
import { hasControlCharacters, parseIcecastTarget } from './icecast-target.ts'

const specOf = ({ icecast }: OutputSpec): IcecastSpec => icecast ?? IcecastSpec.parse({})

const checkSpec = (spec: OutputSpec, { env }: Pick<OutputContext, 'env'>): void => {
  const { id } = spec
  const icecast = specOf(spec)
  const target = parseIcecastTarget(spec)
  for (const other of ['push', 'record'] as const) {
    if (spec[other] !== undefined) {
      throw optionRefused(`output ${id}: ${other} does not belong to an Icecast output`)
    }
  }
  for (const field of ['name', 'genre', 'description'] as const) {
    if (hasControlCharacters(icecast[field] ?? '')) {
      throw optionRefused(`output ${id}, icecast.${field}: it must not hold control characters`)
    }
  }
  const problem = bitrateProblem(icecast.format, icecast.bitrate)
  if (problem !== undefined) throw optionRefused(`output ${id}, icecast.bitrate: ${problem}`)
  checkPassword(id, target.password ?? icecast.password, env)
}

const checkPassword = (
  id: string,
  password: string | undefined,
  env: OutputContext['env'],
): void => {
  const field = `output ${id}, icecast.password`
  if (password === undefined) {
    throw optionRefused(
      `${field} is missing: set it, or write icecast://source:password@host:8000/mount`,
    )
  }
  if (hasControlCharacters(password))
    throw optionRefused(`${field}: it must not hold control characters`)
  checkReference(password, field, env)
}

const optionRefused = (message: string): SluiceError => new SluiceError('option_refused', message)

export const ICECAST_KIND: OutputKind = {
  grammar: 'icecast://source:password@host:8000/mount, icecasts://…',
  matchesUrl: (url) => /^icecasts?:/i.test(url),
  checkSpec,
  createOutput: (spec, parts) => {
    const icecast = specOf(spec)
    const target = parseIcecastTarget(spec)
    return new IcecastSource({ id: spec.id, url: spec.url, target, spec: icecast, parts })
  },
}
