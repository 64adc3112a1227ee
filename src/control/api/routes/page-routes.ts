import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { ApiInstance } from './api-instance.ts'

/** The folder of the page, relative to the sources and to the compiled files alike. */
export const WEB_ROOT = fileURLToPath(new URL('../../../../web/public/', import.meta.url))

/**
 * mpegts.js plays through a blob: URL (Media Source Extensions) and may run in a blob: worker; all else must come from
 * Sluice itself.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HTML = 'text/html; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'

interface Asset {
  readonly url: string
  readonly file: string
  readonly type: string
}

/** Assets are read once, at start: they are small, and a missing one is a fault of the installation. */
export const pageRoutes = (api: ApiInstance, webRoot: string): void => {
  const assets: readonly Asset[] = [
    { url: '/', file: `${webRoot}/index.html`, type: HTML },
    { url: '/app.js', file: `${webRoot}/app.js`, type: SCRIPT },
    { url: '/words.js', file: `${webRoot}/words.js`, type: SCRIPT },
    { url: '/view.js', file: `${webRoot}/view.js`, type: SCRIPT },
    { url: '/outputs.js', file: `${webRoot}/outputs.js`, type: SCRIPT },
    { url: '/player.js', file: `${webRoot}/player.js`, type: SCRIPT },
    { url: '/style.css', file: `${webRoot}/style.css`, type: 'text/css; charset=utf-8' },
    { url: '/icon.svg', file: `${webRoot}/icon.svg`, type: 'image/svg+xml' },
    { url: '/vendor/mpegts.js', file: mpegtsFile(), type: SCRIPT },
  ]
  for (const asset of assets) serveAsset(api, asset)
}

const serveAsset = (api: ApiInstance, asset: Asset): void => {
  const bytes = readFileSync(asset.file)
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  api.get(asset.url, async (request, reply) => {
    reply.headers({
      'content-type': asset.type,
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-cache',
      etag,
    })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    return reply.send(bytes)
  })
}

const mpegtsFile = (): string => createRequire(import.meta.url).resolve('mpegts.js/dist/mpegts.js')
