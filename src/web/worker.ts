// The worker of banana-sdk/web: a page starts this file as a module worker and hands it to openBananaWorker.
import { servePage } from './serve.ts';

servePage();
