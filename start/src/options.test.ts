// Behaviour of the command line of start: defaults, absolute paths, refusals that name the option.
import { describe, expect, it } from 'vitest';
import { readOptions } from './options.ts';

describe('readOptions', () => {
  it('keeps its state in .nanofleet of the working directory by default', () => {
    expect(readOptions([], '/srv/ann')).toMatchObject({ once: false, directory: '/srv/ann/.nanofleet' });
  });

  it('plays the whole story unless the one of a bad release is asked for', () => {
    expect(readOptions([], '/').badRelease).toBe(false);
    expect(readOptions(['--once', '--bad-release'], '/')).toMatchObject({ once: true, badRelease: true });
  });

  it('takes ports as asked for', () => {
    expect(readOptions(['--port', '8000', '--mqtt-port', '8001'], '/')).toMatchObject({
      httpPort: 8000,
      mqttPort: 8001,
    });
  });

  it.each([
    [['--port', '0']],
    [['--port', 'http']],
    [['--mqtt-port', '70000']],
    [['--ports', '1']],
    [['extra']],
  ])('refuses %j', (argv) => {
    expect(() => readOptions(argv, '/')).toThrow(expect.objectContaining({ code: 'SETTING_INVALID' }));
  });
});
