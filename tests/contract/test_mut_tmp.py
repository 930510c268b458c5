import collections, pytest
from hypothesis import settings, Phase
from tests.contract import test_store_machine as m
from tests.contract.test_store_machine import client
from worker.store.memory import MemoryStore
C=collections.Counter()
def test_stat(client, monkeypatch):
    orig=m.Stores.commit
    def commit(self, job, children=()):
        before=self.redis.get(job.id)
        g=m.guard_of(job)
        pk=before and job.id in self.parked(job.account,g)
        C[(before.status.value if before else None, job.status.value, "parked" if pk else "")]+=1
        return orig(self,job,children)
    monkeypatch.setattr(m.Stores,"commit",commit)
    m.test_the_stores_agree_and_lose_nothing(client)
    for k,v in C.most_common(): print(v,k)
class NoRemove(MemoryStore):
    def _release(self, job, guard):
        slot=(job.account,guard)
        if self._guards.get(slot)!=job.id: return 0
        return super()._release(job,guard)
class NoHeir(MemoryStore):
    def _release(self, job, guard):
        slot=(job.account,guard)
        if self._guards.get(slot)!=job.id: return super()._release(job,guard)
        del self._guards[slot]; return 0
class NoSlotBack(MemoryStore):
    def _write(self, job):
        held=job.id in self._running[job.account]; n=super()._write(job)
        if held and job.status=="cancelled": self._running[job.account].add(job.id)
        return n
@pytest.mark.parametrize("cls",[NoRemove,NoHeir,NoSlotBack])
def test_mut(cls, client, monkeypatch):
    monkeypatch.setattr(m,"MemoryStore",cls)
    monkeypatch.setattr(m,"settings",lambda **k: settings(phases=[Phase.generate],**k))
    with pytest.raises(BaseException) as e:
        m.test_the_stores_agree_and_lose_nothing(client)
    print(type(e.value), str(e.value)[:200])
