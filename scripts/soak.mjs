// `pnpm soak [name] [options]`: runs one whole campaign of test/soak, or lists them.
import { runCampaign } from './campaigns.mjs';

await runCampaign('soak');
