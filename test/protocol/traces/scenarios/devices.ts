import { PLAY, type Scenario, type Scene } from '../scene.js';

export const DEVICES: readonly Scenario[] = [
  {
    title: 'The player continues on a second device',
    async run(scene: Scene): Promise<void> {
      const host = await scene.host('host');
      const tv = await scene.client('tv');
      const phone = await scene.client('phone', 'alice', 1);
      await scene.startSession(tv, host);
      phone.send({ ...PLAY, requestId: 'r2' });
      await phone.receive('error');
      phone.send({ ...PLAY, requestId: 'r3', onConflict: 'resume' });
      await phone.receive('matched');
      await phone.receive('session');
      await tv.receive('replaced');
      tv.send(PLAY);
      await tv.receive('replaced');
    },
  },
  {
    title: 'The player starts again on a second device',
    async run(scene: Scene): Promise<void> {
      const host = await scene.host('host', { hostId: 'h1', slots: 2 });
      const tv = await scene.client('tv');
      const phone = await scene.client('phone', 'alice', 1);
      await scene.startSession(tv, host);
      phone.send({ ...PLAY, requestId: 'r2', title: 'starfall', onConflict: 'takeover' });
      await tv.receive('session');
      await phone.receive('matched');
      await host.receive('end');
      await host.receive('prepare');
    },
  },
];
