import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

type Test = { teardown(end: () => unknown): void }

export type Posted = { headers: IncomingHttpHeaders; method: string; url: string; body: string }

/** A webhook's receiver on loopback; its address holds something that nobody may show. */
export async function receiver(
  t: Test,
  answer: (response: ServerResponse, posted: Posted) => unknown,
) {
  const posts: Posted[] = []
  const news = new EventEmitter()
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { headers, method = '', url = '' } = request
      const posted = { headers, method, url, body }
      posts.push(posted)
      answer(response, posted)
      news.emit('post')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    posts,
    url: `http://127.0.0.1:${port}/hook?key=hidden`,
    /** Resolves when so many have come. */
    posted: async (count: number) => {
      while (posts.length < count) await once(news, 'post')
    },
  }
}
