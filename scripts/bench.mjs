// `pnpm bench [name] [options]`: runs one benchmark of test/bench, or lists them.
import { runCampaign } from './campaigns.mjs';

await runCampaign('bench');
