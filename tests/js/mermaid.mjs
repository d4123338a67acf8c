// Reads diagrams with mermaid's own parser. Each line of the input is one text; each line of the output is what the
// parser found in it: its nodes, frames and links, with their words as they would be seen, or the error.
import { createInterface } from "node:readline";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");
mermaid.initialize({ securityLevel: "strict" });
await mermaid.parse("flowchart"); // else it knows no kind of diagram

// What the parser has for `#58;` until the picture is drawn.
const decoded = (text) => text.replaceAll("ﬂ°°", "&#").replaceAll("ﬂ°", "&").replaceAll("¶ß", ";");

function seen(html) {
  const words = document.createElement("div");
  words.innerHTML = decoded(html ?? "");
  for (const element of words.querySelectorAll("br")) element.replaceWith("\n");
  for (const element of words.querySelectorAll("hr")) element.replaceWith("\n\n");
  for (const element of words.querySelectorAll("b")) element.replaceWith(`**${element.textContent}**`);
  return words.textContent;
}

async function read(text) {
  const { type, db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  const frames = db.getSubGraphs();
  const nodes = [...db.getVertices().values()].filter(({ id }) => !frames.some((frame) => frame.id === id));
  const styles = (classes) => classes.flatMap((name) => db.getClasses().get(name)?.styles ?? []);
  return {
    type,
    nodes: nodes.map(({ id, text, type, classes }) => ({
      id, text: seen(text), shape: type, styles: styles(classes), means: seen(db.getTooltip(id)),
    })),
    frames: frames.map(({ id, title, nodes, dir, classes }) => ({
      id, text: seen(title), nodes, direction: dir, styles: styles(classes),
    })),
    links: db.getEdges().map(({ start, end, text, stroke, style }) => ({ start, end, text: seen(text), stroke, style })),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await read(JSON.parse(line)).catch((error) => ({ error: String(error) }))));
}
