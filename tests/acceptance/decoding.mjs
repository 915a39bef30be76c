// Decodes streams with the client's own decoder, as `stream.ts` feeds it; `items.decoder` compares the results.
//
// Standard input: one JSON object a line, {"stream": base64, "cuts": [[…], …]}. For each a line with the events that
// every way of cutting gives.

import { createInterface } from "node:readline";

const { SseDecoder } = await import(new URL("../../client/src/api/sse.ts", import.meta.url).href);

function decode(pieces) {
  const decoder = new SseDecoder();
  const text = new TextDecoder();
  return pieces.flatMap((piece) => decoder.push(text.decode(piece, { stream: true })));
}

function piecesOf(stream, cuts) {
  const edges = [0, ...cuts, stream.length];
  return edges.slice(1).map((end, index) => stream.subarray(edges[index], end));
}

for await (const line of createInterface({ input: process.stdin })) {
  const { stream, cuts } = JSON.parse(line);
  const bytes = Buffer.from(stream, "base64");
  process.stdout.write(JSON.stringify(cuts.map((each) => decode(piecesOf(bytes, each)))) + "\n");
}
