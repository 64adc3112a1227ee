import { SluiceError } from '../contract/errors.ts'
import type { OutputSpec } from '../contract/output-spec.ts'
import { redactUrl } from '../lib/redact.ts'
import { DATAGRAM_KIND } from './outputs/datagram-output.ts'
import { FILE_KIND } from './outputs/file.ts'
import type { Output } from './outputs/output.ts'
import type { OutputContext, OutputKind, OutputParts } from './outputs/output-kind.ts'

/** Asked in this order: a file is what nobody else claims. */
const KINDS: readonly OutputKind[] = [DATAGRAM_KIND, FILE_KIND]

export const openOutput = (spec: OutputSpec, parts: OutputParts): Output => {
  checkOutput(spec, parts)
  return kindOf(spec).open(spec, parts)
}

/** Throws SluiceError for what can never be opened, so that it is known before anything runs. */
export const checkOutput = (
  spec: OutputSpec,
  context: Pick<OutputContext, 'channel' | 'env'>,
): void => kindOf(spec).check(spec, context)

function kindOf({ id, url }: OutputSpec): OutputKind {
  const kind = KINDS.find((each) => each.claims(url))
  if (kind !== undefined) return kind
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? ''
  throw new SluiceError(
    'unsupported_url',
    `output ${id}, url ${JSON.stringify(redactUrl(url))}: "${scheme}" is not an output; ` +
      `use ${KINDS.map(({ grammar }) => grammar).join(', ')}`,
  )
}
