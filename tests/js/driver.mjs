// Runs life cycles in XState. Each line of the input is one life: {config, events, answers}, where answers[i] are those
// of the opaque guards while events[i] is sent. Each line of the output is where the machine was after each event.
import { createInterface } from "node:readline";

// The next part stands in core/README.md, word for word.
import { assign, createActor, createMachine } from "xstate";

function made(config) {
  const guards = {};
  for (const [name, { expression }] of Object.entries(config.meta.guards)) {
    guards[name] = new Function("{ context }", `return ${expression}`);
  }
  const count = assign(({ context }, { count }) => ({
    counts: { ...context.counts, [count]: context.counts[count] + 1 },
  }));
  return createMachine(config).provide({ guards, actions: { count, seal: assign({ sealed: true }) } });
}
// So far.

function lived({ config, events, answers }) {
  const heard = assign(({ event }) => ({ answers: event.answers }));
  const actor = createActor(made({ ...config, on: { "driver.answers": { actions: heard } } })).start();
  return events.map((type, place) => {
    actor.send({ type: "driver.answers", answers: answers[place] });
    actor.send({ type });
    const { value, context } = actor.getSnapshot();
    return [value, context.counts, context.sealed];
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(lived(JSON.parse(line))));
}
