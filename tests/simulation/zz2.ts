import fc from "fast-check";
import { scenarioOf } from "./scenario.ts";
import { simulate } from "./simulation.ts";
const seed=Number(process.argv[2]), i=Number(process.argv[3]), pat=process.argv[4]??"";
const ss = fc.sample(scenarioOf({executions:40,faults:20}), {numRuns:300, seed});
let s=ss[i]!;
const bad=async(x:any)=>{ const r=await simulate(x,{traced:true}); return r.faults.some(f=>f.includes(pat))?r:undefined; };
let r=(await bad(s))!;
// greedy shrink
let changed=true;
while(changed){ changed=false;
 for (const key of ["submissions","faults","plans"] as const) for (let k=0;k<s[key].length;k++){ if (key!=="faults"&&s[key].length===1) continue; const t={...s,[key]:s[key].filter((_:any,j:number)=>j!==k)} as any; const q=await bad(t); if(q){s=t;r=q;changed=true;k--;} }
 for (let p=0;p<s.plans.length;p++) for(let k=0;k<s.plans[p]!.nodes.length;k++){ if (s.plans[p]!.nodes.length===1) continue; const t={...s,plans:s.plans.map((x,j)=>j===p?{...x,nodes:x.nodes.filter((_,m)=>m!==k)}:x)}; const q=await bad(t); if(q){s=t;r=q;changed=true;k--;} }
 for (const w of [1,2,3]) if (w<s.workers){ const t={...s,workers:w}; const q=await bad(t); if(q){s=t;r=q;changed=true;} }
}
const id=/execution_\w+/.exec(r.faults[0]!)![0]; console.log(JSON.stringify(s.plans),JSON.stringify(s.faults)); console.log(r.faults); console.log(r.trace.filter(l=>l.includes(id)||/CRASH|FREEZE|CANNOT/.test(l)).map(l=>l.slice(0,300)).join("\n"));
