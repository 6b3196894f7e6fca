/** Firewall rules while they are being written. Pure. */

import type { Schemas } from "../api/client";
import { isIpv4 } from "../ui/words";

export interface RuleDraft {
  id: number;
  name: string;
  start: string;
  end: string;
}

export function draftsOf(rules: Schemas["RuleBody"][]): RuleDraft[] {
  return rules.map((rule, index) => ({
    id: index + 1,
    name: rule.rule_name,
    start: rule.start_ipv4,
    end: rule.end_ipv4,
  }));
}

export function rulesOf(drafts: RuleDraft[]): Schemas["RuleInput"][] {
  return drafts.map((draft) => ({
    rule_name: draft.name.trim(),
    start_ipv4: draft.start.trim(),
    end_ipv4: draft.end.trim(),
  }));
}

export interface RuleFaults {
  name?: string;
  start?: string;
  end?: string;
}

export function faultsOf(draft: RuleDraft, all: RuleDraft[]): RuleFaults {
  const faults: RuleFaults = {};
  const name = draft.name.trim().toLowerCase();
  if (name === "") faults.name = "Give the rule a name";
  else if (all.some((other) => other.id !== draft.id && other.name.trim().toLowerCase() === name)) {
    faults.name = "Another rule has this name";
  }
  if (!isIpv4(draft.start)) faults.start = "Like 192.0.2.16";
  if (!isIpv4(draft.end)) faults.end = "Like 192.0.2.31";
  else if (faults.start === undefined && numberOf(draft.end) < numberOf(draft.start)) {
    faults.end = "Before the start";
  }
  return faults;
}

function numberOf(address: string): number {
  return address.trim().split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** A name that no rule has yet. */
export function freeName(wanted: string, all: RuleDraft[]): string {
  const taken = new Set(all.map((rule) => rule.name.trim().toLowerCase()));
  if (!taken.has(wanted.toLowerCase())) return wanted;
  for (let number = 2; ; number += 1) {
    const name = `${wanted} ${number}`;
    if (!taken.has(name.toLowerCase())) return name;
  }
}
