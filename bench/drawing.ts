import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import type { Charts } from './charts.ts';

/** Writes each chart into a folder, as an SVG file of its name. */
export async function drawCharts(folder: string, charts: Charts): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, chart] of Object.entries(charts)) {
    const view = new View(parse(compile(chart).spec), { renderer: 'none' });
    await writeFile(path.join(folder, `${name}.svg`), `${await view.toSVG()}\n`);
    view.finalize();
  }
}
