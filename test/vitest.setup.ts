// Runs before each test file.
import { endWithFile } from './endings.ts';

endWithFile();
