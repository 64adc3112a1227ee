import { createHash, timingSafeEqual } from 'node:crypto'
import { SluiceError } from '../../contract/errors.ts'
import {
  changesState,
  header,
  isLoopback,
  localRefusal,
  originRefusal,
  type RequestFacts,
} from '../../net/request-origin.ts'

/** Access policy, which follows from the listen address. */
export type AccessPolicy =
  /** Only this machine can connect; pages of other sites in a browser on it must be refused. */
  | { readonly kind: 'loopback' }
  /** Others can connect: requests that change state need a token. */
  | { readonly kind: 'token'; readonly tokenHash: Buffer }

export interface AccessRefusal {
  readonly code: 'unauthorized' | 'forbidden'
  readonly message: string
}

/**
 * The policy for a listen address. Throws `config_invalid` when others could reach it and there is no token: call it before
 * anything is started.
 */
export const accessPolicy = (listenHost: string, token: string | undefined): AccessPolicy => {
  if (isLoopback(listenHost)) return { kind: 'loopback' }
  if (token === undefined || token === '') {
    throw new SluiceError(
      'config_invalid',
      `listening on ${JSON.stringify(listenHost)} lets other machines control the channel: give a token with --token or SLUICE_TOKEN, or listen on 127.0.0.1`,
    )
  }
  return { kind: 'token', tokenHash: hashOf(token) }
}

/** Undefined when the request may pass. */
export const judgeAccess = (facts: RequestFacts, policy: AccessPolicy): AccessRefusal | undefined =>
  policy.kind === 'loopback'
    ? forbidden(localRefusal(facts))
    : judgeWithToken(facts, policy.tokenHash)

const judgeWithToken = (facts: RequestFacts, tokenHash: Buffer): AccessRefusal | undefined => {
  if (!changesState(facts.method)) return undefined
  const foreign = originRefusal(facts)
  if (foreign !== undefined) return forbidden(foreign)
  const given = tokenOf(facts)
  if (given === undefined) {
    return {
      code: 'unauthorized',
      message:
        'this changes state: send "Authorization: Bearer <token>" or "X-Sluice-Token: <token>"',
    }
  }
  // Both sides are hashed to one length: the comparison reveals nothing about the token, not even its length.
  if (!timingSafeEqual(hashOf(given), tokenHash)) {
    return { code: 'unauthorized', message: 'the token is not the one Sluice was started with' }
  }
  return undefined
}

const tokenOf = (facts: RequestFacts): string | undefined => {
  const bearer = /^Bearer +(\S+) *$/i.exec(header(facts, 'authorization') ?? '')?.[1]
  return bearer ?? header(facts, 'x-sluice-token')
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

const forbidden = (message: string | undefined): AccessRefusal | undefined =>
  message === undefined ? undefined : { code: 'forbidden', message }
