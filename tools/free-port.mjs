// Prints the first free TCP port on loopback, from the one given on.
import { createServer } from 'node:net'

const TRIED = 100

const isFree = (port) =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)))
  })

const first = Number(process.argv[2])
let port = first
while (!(await isFree(port))) {
  port++
  if (port >= first + TRIED) {
    console.error(`no free port from ${first} to ${port - 1}`)
    process.exit(1)
  }
}
console.log(port)
