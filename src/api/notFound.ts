import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answerProblem } from './problemAnswers.ts';
import { Problem } from './problems.ts';

/** The longest part of a URL that an answer repeats, in characters. */
const SHOWN = 200;

/** Answers what is no operation; where only the method is wrong it says which would do. Goes before the operations. */
export function answerNotFound(app: FastifyInstance): void {
  const operations = new Map<string, { readonly path: RegExp; readonly methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = operations.get(url) ?? { path: pathOf(url), methods: new Set() };
    operations.set(url, known);
    for (const one of [method].flat()) known.methods.add(one);
  });
  const respond = (request: FastifyRequest, reply: FastifyReply) => {
    const [path = ''] = request.url.split('?', 1);
    const there = [...operations.values()].filter((operation) => operation.path.test(path));
    const methods = new Set(there.flatMap((operation) => [...operation.methods]));
    answer(request, reply, [...methods].toSorted());
  };
  app.setNotFoundHandler(respond);
  // Before Fastify looks at the body of what has no use for one, or at why there is none.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) respond(request, reply);
    else done();
  });
}

/** What a path such as `/orders/:id` stands for. */
function pathOf(url: string): RegExp {
  const parts = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replaceAll(/[^\w-]/g, String.raw`\$&`)));
  return new RegExp(`^${parts.join('/')}$`);
}

function answer(request: FastifyRequest, reply: FastifyReply, methods: readonly string[]): void {
  const { method, url } = request;
  const shown = `${method} ${url.length > SHOWN ? `${url.slice(0, SHOWN)}...` : url}`;
  if (methods.length === 0) {
    answerProblem(new Problem('not-found', `${shown} is not an operation`), request, reply);
    return;
  }
  const allow = methods.join(', ');
  reply.header('allow', allow);
  answerProblem(
    new Problem('method-not-allowed', `${shown} is not an operation; ${allow} would be`),
    request,
    reply,
  );
}
