import type { ChannelSpec } from '../contract/spec.ts'
import { secretsOfUrl } from '../lib/redact.ts'
import type { Environment } from './text-layer.ts'

/**
 * A stream key in an address may be a common word ("live", "stream"): below this length it is not searched for in texts.
 * In addresses it is redacted whatever its length.
 */
const MIN_URL_SECRET_CHARS = 8

const ENV_REFERENCE = /\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g

/** Secrets to redact in any text: the token, and the keys and passwords of outputs, those of variables included. */
export const secretsOf = (
  { outputs }: ChannelSpec,
  env: Environment,
  token: string | undefined,
): string[] => {
  const written = outputs.flatMap(({ url, push, icecast }) => [push?.key, icecast?.password, url])
  const texts = written.filter((text) => text !== undefined)
  const found = [
    token,
    ...outputs.flatMap(({ push, icecast }) => [push?.key, icecast?.password]),
    ...texts.flatMap((text) =>
      [...text.matchAll(ENV_REFERENCE)].map(([, name]) => env[name!]?.trim()),
    ),
    ...outputs
      .flatMap(({ url }) => secretsOfUrl(url))
      .filter((secret) => secret.length >= MIN_URL_SECRET_CHARS),
  ]
  const isSecret = (text: string | undefined): text is string =>
    text !== undefined && text !== '' && !text.startsWith('{')
  return [...new Set(found.filter(isSecret))]
}
