// The drawing process: receives SVG jobs, answers with premultiplied RGBA. It may abort (resvg is native code and some
// art kills it); the parent then starts another and reports the job that did it. It has no other state than a cache of
// decoded WebP art, which resvg cannot read.
import { drawJob, type RenderJob } from './draw.ts';

process.on('message', (message: { id: number; job: RenderJob }) => {
  const { id, job } = message;
  drawJob(job).then(
    (pixels) => process.send!({ id, pixels }),
    (error: unknown) => process.send!({ id, error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
